from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mtl.data.fitting.scores import alone, auc, straight

HALF = np.arange(400) % 2 == 0


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_auc_is_scikit_learns_with_ties(seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    score, target = rng.integers(0, levels, 50).astype(float), np.r_[0.0, 1.0, rng.integers(0, 2, 48)]
    assert auc(score, target, 1 - target) == pytest.approx(roc_auc_score(target, score))


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass", "ordinal"])
def test_the_target_itself_scores_one_and_noise_next_to_nothing(kind: str) -> None:
    rng = np.random.default_rng(3)
    target = rng.normal(size=400) if kind == "regression" else rng.integers(0, 2, 400).astype(float)
    order = np.argsort(np.argsort(target)) // 8 if kind == "regression" else target.astype(int)
    assert alone(order, target, HALF, kind) > (0.9 if kind == "regression" else 0.98)  # bins are coarse in the tails
    assert alone(rng.integers(0, 10, 400), target, HALF, kind) < (0.65 if kind == "binary" else 0.25)


@given(st.integers(0, 1000))
def test_the_score_knows_no_order_of_bins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bins, target = rng.integers(0, 6, 400), rng.integers(0, 2, 400).astype(float)
    renamed = rng.permutation(6)[bins]
    assert alone(bins, target, HALF, "binary") == pytest.approx(alone(renamed, target, HALF, "binary"))


@given(st.floats(-50, 50).filter(lambda slope: abs(slope) > 0.01), st.floats(-1e3, 1e3))
def test_a_straight_line_is_seen_whatever_its_slope(slope: float, offset: float) -> None:
    target = np.random.default_rng(4).normal(size=400)
    known = np.arange(400) % 50 != 0
    assert straight(slope * target + offset, known, target, HALF) > 0.95
    assert straight(np.random.default_rng(5).normal(size=400), known, target, HALF) < 0.1
