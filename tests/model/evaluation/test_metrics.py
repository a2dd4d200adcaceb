"""Our weighted forms are scikit-learn's, and what is undefined is said so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from mtl.errors import DataError
from mtl.evaluation.metrics import KINDS, LOSSES, checked, decided, gain, loss_form, point, resampled
from mtl.evaluation.metrics.bins import calibration_error, equal_mass
from mtl.spec import METRICS
from tests.model.evaluation.conftest import LEVELS

OF_ARRAYS = [kind for kind in METRICS if kind != "tagging"]
"""Kinds whose truth is an array; `test_tagging.py` has the other."""

Array = np.ndarray[Any, Any]


def reference(kind: str, truth: Array, predicted: Array, weight: Array) -> dict[str, float]:
    """scikit-learn's weighted metrics on the rows that have weight; NaN where we call it undefined."""
    kept = weight > 0
    truth, predicted, w = truth[kept], predicted[kept], weight[kept]
    one_class = len(np.unique(truth)) < 2
    nan = float("nan")
    if kind == "count":
        return of_counts(truth, predicted, w)
    if kind == "quantile":
        return of_quantiles(truth, predicted, w, LEVELS[kind])
    if kind == "regression":
        mean_t, mean_p = np.average(truth, weights=w), np.average(predicted, weights=w)
        both = np.average((truth - mean_t) * (predicted - mean_p), weights=w)
        spread = np.average((truth - mean_t) ** 2, weights=w) * np.average((predicted - mean_p) ** 2, weights=w)
        return {
            "r2": nan if one_class else sk.r2_score(truth, predicted, sample_weight=w),
            "mae": sk.mean_absolute_error(truth, predicted, sample_weight=w),
            "rmse": sk.root_mean_squared_error(truth, predicted, sample_weight=w),
            "correlation": nan if spread < 1e-12 else both / np.sqrt(spread),
        }
    label = decided(kind, predicted)
    if kind == "multilabel":
        return of_labels(truth, predicted, label, w)
    if kind == "retrieval":
        return of_places(truth, predicted, w)
    shared = {"accuracy": sk.accuracy_score(truth, label, sample_weight=w)}
    if kind == "binary":
        return shared | {
            "auc": nan if one_class else sk.roc_auc_score(truth, predicted, sample_weight=w),
            "average_precision": nan if one_class else sk.average_precision_score(truth, predicted, sample_weight=w),
            "f1": sk.f1_score(truth, label, sample_weight=w, zero_division=0.0) if truth.any() or label.any() else nan,
            "log_loss": sk.log_loss(truth, predicted, sample_weight=w, labels=[0, 1]),
            "brier": sk.brier_score_loss(truth, predicted, sample_weight=w, labels=[0, 1]),
        }
    shared["f1"] = sk.f1_score(truth, label, sample_weight=w, average="macro", zero_division=0.0)
    shared["log_loss"] = sk.log_loss(truth, predicted, sample_weight=w, labels=np.arange(predicted.shape[1]))
    if kind == "ordinal":
        expected = predicted @ np.arange(predicted.shape[1])
        shared["mae"] = sk.mean_absolute_error(truth, expected, sample_weight=w)
        shared["qwk"] = nan if one_class else sk.cohen_kappa_score(truth, label, weights="quadratic", sample_weight=w)
    return shared


def of_counts(truth: Array, predicted: Array, w: Array) -> dict[str, float]:
    """A mean of 0 is read as a very small one, which scikit-learn leaves to its caller."""
    mean = np.maximum(predicted, 1e-9)
    varies = len(np.unique(truth)) > 1
    return {
        "d2": sk.d2_tweedie_score(truth, mean, sample_weight=w, power=1) if varies else float("nan"),
        "mae": sk.mean_absolute_error(truth, predicted, sample_weight=w),
        "rmse": sk.root_mean_squared_error(truth, predicted, sample_weight=w),
        "deviance": sk.mean_poisson_deviance(truth, mean, sample_weight=w),
    }


def of_quantiles(truth: Array, predicted: Array, w: Array, levels: tuple[float, ...]) -> dict[str, float]:
    each = [sk.mean_pinball_loss(truth, q, sample_weight=w, alpha=level) for q, level in zip(predicted.T, levels, strict=True)]
    covered = np.average((truth >= predicted[:, 0]) & (truth <= predicted[:, 2]), weights=w)
    varies = len(np.unique(truth)) > 1
    return {
        "pinball": float(np.mean(each)),
        "mae": sk.mean_absolute_error(truth, predicted[:, 1], sample_weight=w),
        "rmse": sk.root_mean_squared_error(truth, predicted[:, 1], sample_weight=w),
        "r2": sk.r2_score(truth, predicted[:, 1], sample_weight=w) if varies else float("nan"),
        "coverage_error": abs(float(covered) - 0.9),
    }


def of_places(truth: Array, predicted: Array, w: Array) -> dict[str, float]:
    """Of identities: the mean over every order of those with one share, tried out."""
    found: dict[str, list[float]] = {"recall_at_10": [], "recall_at_1": [], "mrr": []}
    for row, true in zip(predicted, truth.astype(int), strict=True):
        above, level = int((row > row[true]).sum()), int((row == row[true]).sum())
        places = np.arange(above + 1, above + level + 1)
        for metric, value in (("recall_at_10", places <= 10), ("recall_at_1", places <= 1), ("mrr", 1 / places)):
            found[metric].append(float(np.mean(value)))
    return {metric: float(np.average(values, weights=w)) for metric, values in found.items()}


def of_labels(truth: Array, predicted: Array, label: Array, w: Array) -> dict[str, float]:
    """Of several labels a row: scikit-learn's binary metrics of each class, and what they make of all."""
    classes = range(truth.shape[1])
    ranked = [sk.average_precision_score(truth[:, c], predicted[:, c], sample_weight=w) for c in classes if truth[:, c].any()]
    occurs = [c for c in classes if truth[:, c].any() or label[:, c].any()]
    each = [sk.f1_score(truth[:, c], label[:, c], sample_weight=w, zero_division=0.0) for c in occurs]
    micro = sk.f1_score(truth.ravel(), label.ravel(), sample_weight=np.repeat(w, len(classes)), zero_division=0.0)
    losses = [sk.log_loss(truth[:, c], predicted[:, c], sample_weight=w, labels=[0, 1]) for c in classes]
    nan = float("nan")
    return {
        "map": float(np.mean(ranked)) if ranked else nan,
        "f1_micro": micro if occurs else nan,
        "f1_macro": float(np.mean(each)) if occurs else nan,
        "accuracy": sk.accuracy_score(truth, label, sample_weight=w),
        "log_loss": float(np.mean(losses)),
    }


@pytest.mark.parametrize("kind", OF_ARRAYS)
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 60, 400])
@pytest.mark.parametrize("ties", [False, True])
def test_weighted_forms_equal_scikit_learn(kind: str, rows: int, ties: bool, sample: Any) -> None:
    random = np.random.default_rng(rows + 1000 * ties)
    for _ in range(2):
        truth, predicted = sample(kind, rows, random, ties=ties)
        weights = random.multinomial(rows, np.full(rows, 1 / rows), 8).T.astype(np.float64)
        got = resampled(kind, truth, predicted, levels=LEVELS.get(kind, ()))(weights)
        assert set(got) == set(METRICS[kind])
        for at in range(weights.shape[1]):
            for metric, value in reference(kind, truth, predicted, weights[:, at]).items():
                np.testing.assert_allclose(got[metric][at], value, rtol=1e-6, atol=1e-9, err_msg=f"{metric}, resample {at}")


@pytest.mark.parametrize("kind", OF_ARRAYS)
def test_weights_of_one_give_the_point_values(kind: str, sample: Any) -> None:
    truth, predicted = sample(kind, 200, np.random.default_rng(1))
    got = resampled(kind, truth, predicted, levels=LEVELS.get(kind, ()))(np.ones((200, 1)))
    points = point(kind, truth, predicted, LEVELS.get(kind, ()))
    assert set(points) == set(METRICS[kind])
    for metric, value in points.items():
        assert value.value is not None
        assert got[metric][0] == pytest.approx(value.value, rel=1e-9)


@pytest.mark.parametrize("kind", OF_ARRAYS)
def test_weights_are_repetitions(kind: str, sample: Any) -> None:
    """A row drawn twice counts as two rows, for every metric but those whose bins the repetition would move."""
    random = np.random.default_rng(2)
    truth, predicted = sample(kind, 50, random, ties=True)
    counts = random.integers(0, 4, 50)
    got = resampled(kind, truth, predicted, levels=LEVELS.get(kind, ()))(counts[:, None].astype(np.float64))
    repeated = point(kind, np.repeat(truth, counts, axis=0), np.repeat(predicted, counts, axis=0), LEVELS.get(kind, ()))
    for metric in set(METRICS[kind]) - {"calibration_error"}:
        assert got[metric][0] == pytest.approx(repeated[metric].value, rel=1e-9)


def test_only_what_is_wanted_is_counted(sample: Any) -> None:
    truth, predicted = sample("binary", 30, np.random.default_rng(3))
    assert set(resampled("binary", truth, predicted, {"brier"})(np.ones((30, 2)))) == {"brier"}


@pytest.mark.parametrize("kind", OF_ARRAYS)
def test_no_rows_is_undefined_with_a_reason(kind: str) -> None:
    several = kind in ("multiclass", "ordinal", "multilabel", "retrieval", "quantile")
    predicted = np.zeros((0, 3)) if several else np.zeros(0)
    assert all(v.value is None and v.reason for v in point(kind, np.zeros(0), predicted).values())
    assert all(np.isnan(v).all() for v in resampled(kind, np.zeros(0), predicted)(np.zeros((0, 4))).values())


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_has_no_ranking_but_the_rest(label: float) -> None:
    got = point("binary", np.full(9, label), np.linspace(0.1, 0.9, 9))
    assert {m for m, v in got.items() if v.value is None} == {"auc", "average_precision"}
    assert got["auc"].reason == "one class only in test"


def test_f1_without_any_positive_is_undefined() -> None:
    assert point("binary", np.zeros(4), np.full(4, 0.2))["f1"].value is None
    assert point("binary", np.zeros(4), np.full(4, 0.8))["f1"].value == 0


def test_labels_that_nobody_has_are_undefined_or_left_out() -> None:
    truth, predicted = np.zeros((4, 3)), np.full((4, 3), 0.2)
    got = point("multilabel", truth, predicted)
    assert {m for m, v in got.items() if v.value is None} == {"map", "f1_micro", "f1_macro"}
    assert got["map"].reason == "no class has a positive in test"
    truth[:2, 0], predicted[:3, 0] = 1, 0.9
    got = point("multilabel", truth, predicted)
    assert got["map"].value == pytest.approx(2 / 3)  # the third of three that score alike is none
    assert got["f1_macro"].value == got["f1_micro"].value == pytest.approx(0.8)
    assert got["accuracy"].value == 0.75


def test_constant_truth_and_prediction() -> None:
    got = point("regression", np.full(5, 7.1), np.arange(5.0))
    assert {m for m, v in got.items() if v.value is None} == {"r2", "correlation"}
    got = point("regression", np.arange(5.0), np.full(5, 2.0))
    assert got["correlation"].value is None
    assert got["correlation"].reason == "every prediction is the same"
    assert got["r2"].value == pytest.approx(0)


def test_resample_of_one_value_has_no_r2() -> None:
    """0.1 + 0.1 + … is not exact; a resample that drew one row five times still has no spread."""
    truth = np.array([0.1, 123.4, -7.7, 1e6, 3.3])
    weights = np.eye(5) * 5
    got = resampled("regression", truth, truth + 1)(weights)
    assert np.isnan(got["r2"]).all()
    assert np.isnan(got["correlation"]).all()
    np.testing.assert_allclose(got["rmse"], 1)


def test_kappa_is_undefined_for_one_class_only() -> None:
    predicted = np.eye(3)[[0, 1, 2, 1]]
    assert point("ordinal", np.ones(4), predicted)["qwk"].value is None
    assert point("ordinal", np.array([0.0, 1, 2, 1]), predicted)["qwk"].value == pytest.approx(1)


def test_ordinal_decides_for_the_median_class() -> None:
    predicted = np.array([[0.4, 0.25, 0.35], [0.5, 0.0, 0.5], [0.1, 0.2, 0.7]])
    np.testing.assert_array_equal(decided("ordinal", predicted), [1, 0, 2])
    np.testing.assert_array_equal(decided("multiclass", predicted), [0, 0, 2])


def test_calibration_error_of_a_calibrated_and_of_a_false_forecast() -> None:
    random = np.random.default_rng(4)
    said = random.random(20_000)
    happened = (random.random(20_000) < said).astype(np.float64)
    assert calibration_error(said, happened) < 0.02
    assert calibration_error(np.full(1000, 0.9), np.zeros(1000)) == pytest.approx(0.9)


def test_bins_hold_equal_shares_and_keep_ties_together() -> None:
    bins = equal_mass(np.random.default_rng(5).random(1000))
    np.testing.assert_array_equal(np.bincount(bins), np.full(10, 100))
    tied = equal_mass(np.repeat([0.2, 0.7], 50))
    assert len(np.unique(tied[:50])) == 1
    assert len(np.unique(tied)) == 2


@pytest.mark.parametrize("metric", sorted({m for of_kind in METRICS.values() for m in of_kind}))
def test_gain_is_up_when_the_loss_form_falls(metric: str) -> None:
    """Signs agree: a rival that is better by the metric has the smaller loss."""
    losses = {"rmse": (1.0, 2.0), "deviance": (1.0, 2.0)}
    ours, rival = ({metric: np.array([0.7 - i / 10])} | {loss: np.array([of[i]]) for loss, of in losses.items()} for i in (0, 1))
    if metric in losses:
        ours, rival = rival, ours
    up = gain(metric, ours[metric], rival[metric]) > 0
    assert up == (loss_form(metric, rival) > loss_form(metric, ours))
    assert (metric in LOSSES) == (not up)


def test_recall_is_scikit_learns_where_nothing_is_tied(sample: Any) -> None:
    truth, predicted = sample("retrieval", 300, np.random.default_rng(6), classes=40)
    got = point("retrieval", truth, predicted)
    for metric, k in (("recall_at_10", 10), ("recall_at_1", 1)):
        assert got[metric].value == pytest.approx(sk.top_k_accuracy_score(truth, predicted, k=k, labels=np.arange(40)))
    assert got["mrr"].value == pytest.approx(sk.label_ranking_average_precision_score(np.eye(40)[truth.astype(int)], predicted))


def test_a_predicted_count_of_0_has_a_finite_deviance() -> None:
    truth, predicted = np.array([0.0, 3, 1]), np.array([0.0, 0, -2])
    points, drawn = point("count", truth, predicted), resampled("count", truth, predicted)(np.ones((3, 1)))
    for values in (points["deviance"].value, points["d2"].value, drawn["deviance"][0], drawn["d2"][0]):
        assert values is not None
        assert np.isfinite(values)
    assert points["mae"].value == 2


def test_counts_that_are_all_the_same_have_no_d2() -> None:
    points = point("count", np.full(6, 4.0), np.linspace(1, 9, 6))
    assert {metric for metric, value in points.items() if value.value is None} == {"d2"}
    assert np.isnan(resampled("count", np.array([0.0, 4, 5]), np.ones(3))(3 * np.eye(3))["d2"]).all()


def test_coverage_is_of_the_outermost_interval() -> None:
    predicted = np.tile([-1.0, 0, 1], (10, 1))
    truth = np.array([-1.0, 1, 0, 0, 0, 0, 0, 0, 2, -2])  # its ends belong to it
    assert point("quantile", truth, predicted, (0.2, 0.5, 0.9))["coverage_error"].value == pytest.approx(0.1)


def test_kinds_are_those_of_the_spec() -> None:
    assert set(KINDS) == set(METRICS)


def test_predictions_are_checked() -> None:
    with pytest.raises(DataError, match="task a"):
        checked("regression", "a", np.array([1.0, np.nan]))
    with pytest.raises(DataError, match="probabilities"):
        checked("binary", "a", np.array([0.2, 1.4]))
    rows = checked("multiclass", "a", np.array([[0.2, 0.2], [0.5, 0.5000004]], np.float32))
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-15)
