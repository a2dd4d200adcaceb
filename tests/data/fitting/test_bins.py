"""Bins of numeric columns: the package's quantiles, on train values only, for odd columns too."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rtdl_num_embeddings import compute_bins

from mtl.data.fitting.inputs import fit_input
from mtl.data.inputs.tabular import TabularEncoding
from mtl.spec import Spec, parse_spec


def spec_with(bins: int | None, columns: tuple[str, ...] = ("x",)) -> Spec:
    inputs: dict[str, Any] = {"facts": {"source": "people", "columns": {c: {"kind": "numeric"} for c in columns}}}
    return parse_spec({
        "name": "small", "entities": {"person": {"key": "id"}}, "sources": {"people": {"path": "people.csv"}}, "inputs": inputs,
        "tasks": {"y": {"source": "people", "column": "y", "kind": "regression"}}, "encoding": {"bins": bins},
        "model": {}, "training": {}, "evaluation": {}, "gate": {},
    })  # fmt: skip


def fitted(values: Any, bins: int | None) -> TabularEncoding:
    return fit_input(spec_with(bins), "facts", pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}))


@pytest.mark.parametrize("seed", range(4))
def test_bins_are_the_packages(seed: int) -> None:
    """Quantiles, where no value fills a bin by itself."""
    rng = np.random.default_rng(seed)
    for values in (rng.normal(size=501), rng.lognormal(3, 2, 501), rng.integers(0, 90, 501).astype(np.float64)):
        found = fitted(values, 16).numeric[0]
        theirs = compute_bins(torch.tensor(values)[:, None], 16)[0]
        np.testing.assert_allclose(found.bins, theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_a_value_of_most_rows_leaves_the_other_bins_to_the_others() -> None:
    """Income from capital: 96 of 100 have none; what the other four have decides."""
    some = np.arange(1.0, 401.0)
    found = fitted([*[0.0] * 9600, *some], 16).numeric[0].bins
    assert found == pytest.approx((0.0, *np.quantile(some, np.arange(16) / 15)), rel=1e-12)


def test_few_values_are_an_edge_each() -> None:
    assert fitted(np.repeat(np.arange(5.0), [100, 1, 70, 3, 200]), 16).numeric[0].bins == (0.0, 1.0, 2.0, 3.0, 4.0)


def test_missing_values_have_no_say() -> None:
    values = [float(v) for v in range(100)]
    assert fitted([*values, *[None] * 50], 8).numeric[0].bins == fitted(values, 8).numeric[0].bins
    assert fitted(values, 4).numeric[0].bins == (0.0, 24.75, 49.5, 74.25, 99.0)


def test_without_bins_a_number_stays_a_number() -> None:
    assert fitted([1.0, 2.0, 3.0], None).numeric[0].bins == ()


def test_edges_that_the_network_cannot_tell_apart_count_once() -> None:
    """Two values beside each other far from the mean: in float32 they are one."""
    values = [0.0] * 5 + [1e6, 1e6 + 1e-9] * 5
    found = fitted(values, 4).numeric[0]
    assert len(found.bins) == len(set(found.edges)) == 2


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=2, max_size=60), st.integers(2, 9))
def test_whatever_the_values_edges_rise_and_hold_them(values: list[float | None], bins: int) -> None:
    known = [v for v in values if v is not None]
    if len(set(known)) < 2:
        return
    found = fitted(values, bins).numeric
    for column in found:
        if not column.bins:
            assert len({np.float32((v - column.mean) / column.std) for v in known}) == 1
            continue
        assert 2 <= len(column.bins) <= bins + 1
        assert all(a < b for a, b in zip(column.edges, column.edges[1:], strict=False))
        assert column.bins[0] == min(known)


def test_the_order_of_rows_changes_no_bit() -> None:
    values = np.random.default_rng(5).lognormal(size=1000)
    assert fitted(values, 32).numeric[0].bins == fitted(values[::-1], 32).numeric[0].bins


def test_gaps_are_those_of_train(tmp_path: Any) -> None:
    from mtl.data.encodings import Encodings

    whole, broken = fitted([1.0, 2.0, 3.0], None), fitted([1.0, None, 3.0], 2)
    assert (whole.numeric[0].gaps, broken.numeric[0].gaps) == (False, True)
    written = Encodings({"whole": whole, "broken": broken}, ())
    written.write(tmp_path)
    assert Encodings.read(tmp_path).inputs == written.inputs
