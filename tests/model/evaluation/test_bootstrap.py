"""Resamples: multinomial, paired, bounded, seeded; intervals that cover."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from mtl.evaluation import bootstrap as module
from mtl.evaluation.bootstrap import Item, bootstrap, interval, resample_weights
from mtl.evaluation.metrics import resampled


def test_weights_are_counts_of_n_draws() -> None:
    weights = np.concatenate(list(resample_weights(50, 4000, seed=1)), axis=1)
    assert weights.shape == (50, 4000)
    np.testing.assert_array_equal(weights.sum(axis=0), 50)
    assert weights.mean(axis=1) == pytest.approx(np.ones(50), abs=0.1)
    assert weights.var() == pytest.approx(1 - 1 / 50, abs=0.02)  # binomial(50, 1 / 50)


def test_groups_are_drawn_whole() -> None:
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    weights = next(resample_weights(6, 100, seed=1, groups=groups))
    np.testing.assert_array_equal(weights[0], weights[2])
    np.testing.assert_array_equal(weights[1], weights[4])
    np.testing.assert_array_equal(weights[0] + weights[1] + weights[3], 3)


def test_draws_do_not_depend_on_the_size_of_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resample_weights(37, 25, seed=5)), axis=1)
    monkeypatch.setattr(module, "CHUNK_BYTES", 8 * 37 * 3)
    parts = list(resample_weights(37, 25, seed=5))
    assert len(parts) == 9
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    assert not np.array_equal(np.concatenate(list(resample_weights(37, 25, seed=6)), axis=1), whole)


def test_items_share_the_resamples(sample: Any) -> None:
    """A task on half of the rows gets, in each resample, the weights that all others get on these rows."""
    truth, predicted = sample("regression", 40, np.random.default_rng(0))
    rows = np.arange(0, 40, 2)
    scorer = {"x": resampled("regression", truth[rows], predicted[rows])}
    draws = bootstrap([Item(rows, scorer)], 40, resamples=30, seed=9)[0]["x"]["mae"]
    weights = np.concatenate(list(resample_weights(40, 30, seed=9)), axis=1)[rows]
    np.testing.assert_allclose(draws, np.abs(truth - predicted)[rows] @ weights / weights.sum(axis=0))


def test_nothing_to_resample() -> None:
    assert bootstrap([Item(np.zeros(0, np.intp), {})], 0, resamples=10, seed=0) == [{}]


def test_memory_is_bounded_by_the_chunk(sample: Any) -> None:
    rows, random = 30_000, np.random.default_rng(0)
    truth, predicted = sample("binary", rows, random)
    items = [Item(np.arange(rows), {"x": resampled("binary", truth, predicted)})]
    tracemalloc.start()
    bootstrap(items, rows, resamples=100, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * module.CHUNK_BYTES


def test_interval_is_the_same_from_either_end() -> None:
    draws = np.random.default_rng(2).normal(size=2000)
    ends, mirrored = interval(draws, 0.95), interval(-draws, 0.95)
    assert ends.low is not None
    assert mirrored.high == -ends.low
    assert (draws <= ends.low).sum() == 50


def test_interval_holds_its_value_and_needs_half_of_the_draws() -> None:
    assert interval(np.linspace(1, 2, 100), 0.9, 0.5).low == 0.5
    assert interval(np.array([np.nan, np.nan, 1.0]), 0.9).low is None
    assert interval(np.array([]), 0.9).high is None


def test_interval_covers() -> None:
    """95 % intervals of a mean absolute error hold the true one in about 95 % of samples."""
    held = 0
    for seed in range(200):
        error = np.random.default_rng(seed).normal(size=80)
        items = [Item(np.arange(80), {"x": resampled("regression", np.zeros(80), error)})]
        ends = interval(bootstrap(items, 80, resamples=300, seed=seed)[0]["x"]["mae"], 0.95)
        assert ends.low is not None
        assert ends.high is not None
        held += ends.low <= np.sqrt(2 / np.pi) <= ends.high
    assert 0.90 <= held / 200 <= 0.985
