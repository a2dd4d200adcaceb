"""Scores of all columns for all targets at once, against each of them by its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score, roc_auc_score

from mtl.data.fitting.scores import BINS, LEAST, Look, by_bins, cut, straight

KINDS = ("regression", "binary", "multiclass", "ordinal")
Array = np.ndarray[Any, Any]


def by_definition(look: Look, column: int, target: Array, kind: str, first: Array) -> float:
    bins, second = look.bins[:, column], ~first
    means = {b: target[first & (bins == b)].mean() for b in np.unique(bins[first])}
    guess = np.array([means.get(b, target[first].mean()) for b in bins[second]])
    if kind == "binary":
        return float(roc_auc_score(target[second], guess))
    if kind == "regression":
        assert look.values is not None
        assert look.known is not None
        return max(float(r2_score(target[second], guess)), line(look.values[:, column], look.known[:, column], target, first))
    frequent = {b: np.bincount(target[first & (bins == b)].astype(int)).argmax() for b in np.unique(bins[first])}
    majority = np.bincount(target[first].astype(int)).argmax()
    said = np.array([frequent.get(b, majority) for b in bins[second]])
    return float(1 - (said != target[second]).mean() / (majority != target[second]).mean())


def line(values: Array, known: Array, target: Array, first: Array) -> float:
    fit = first & known
    if fit.sum() < LEAST or np.ptp(values[fit]) == 0:
        return 0.0
    slope, level = np.polyfit(values[fit], target[fit], 1)
    return float(r2_score(target[~first], np.where(known, level + slope * values, target[first].mean())[~first]))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.2, 0.95]), st.booleans())
def test_many_columns_and_targets_at_once_are_each_by_its_definition(seed: int, gaps: float, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = 400
    hidden = rng.normal(size=rows)
    values = hidden[:, None] * [0.0, 1.0, -5.0, 0.3] + rng.normal(size=(rows, 4)) * [1.0, 0.1, 3.0, 1.0]
    values[:, 3] = 7.0
    values = np.round(values) if coarse else values
    known = rng.random(values.shape) >= gaps
    values = np.where(known, values, 0.0)
    first = rng.random(rows) < 0.5
    targets = [
        3e4 + 0.01 * hidden,
        (hidden > 0.3).astype(float),
        np.digitize(hidden, [-0.5, 0.5]).astype(float),
        rng.integers(0, 5, rows) * 1.0,
    ]
    look = Look(("a", "b", "c", "d"), cut(values, known), values, known)
    found = look.scores(targets, KINDS, first)
    for column in range(4):
        for t, kind in enumerate(KINDS):
            assert found[column, t] == pytest.approx(by_definition(look, column, targets[t], kind, first), abs=1e-7)


@given(st.integers(0, 10_000), st.integers(1, 400))
def test_bins_are_quantiles_and_missing_is_one_of_its_own(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, levels, (300, 2)) / 7
    known = rng.random(values.shape) < 0.8
    found = cut(values, known)
    for j in range(2):
        there = values[known[:, j], j]
        edges = np.unique(np.quantile(there, np.linspace(0, 1, BINS)[1:-1]))
        assert (found[known[:, j], j] == 1 + np.searchsorted(edges, there, side="right")).all()
        assert not found[~known[:, j], j].any()
    assert not cut(values, np.zeros(values.shape, np.bool_)).any()


def test_a_line_keeps_its_digits_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    x, first = rng.normal(size=2000), rng.random(2000) < 0.5
    target = x + rng.normal(size=2000)
    known = np.ones(2000, np.bool_)
    near = straight(x, known, target, first)
    assert straight(1e-3 * x + 1e3, known, 1e-3 * target + 1e3, first) == pytest.approx(near, abs=1e-6)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_handful_of_labels_gives_nothing_away(kind: str) -> None:
    """Of a thousand columns that know nothing, some meet two labels of a rare class by chance."""
    random = np.random.default_rng(3)
    first = np.arange(320) % 2 == 0
    bits = (random.random((320, 1000)) < 0.03).astype(np.int64)
    target = np.zeros(320)
    target[[0, 2, 1, 3]] = 1.0
    bits[[0, 2, 1, 3], 7] = 1
    assert by_bins(bits, [target], [kind], first).max() == 0
    target[101:121:2] = target[100:120:2] = 1.0
    bits[:, 7] = target
    assert by_bins(bits, [target], [kind], first)[7, 0] == 1
