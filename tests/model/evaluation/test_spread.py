"""Whether spread tells of error: by hand, and never more than it may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from mtl.evaluation.spread import spread_tells
from mtl.evaluation.summary import evaluate
from tests.model.evaluation.test_summary import a_case, a_spec


def test_it_is_spearmans_correlation_also_with_ties() -> None:
    random = np.random.default_rng(0)
    for rounded in (0, 1):
        truth, predicted = random.normal(size=(2, 300))
        spread = np.round(np.abs(truth - predicted) + random.normal(size=300), rounded)
        found = spread_tells("regression", truth, predicted, spread)
        assert found is not None
        assert found["correlation"] == pytest.approx(spearmanr(spread, np.abs(truth - predicted)).statistic, abs=1e-12)


def test_the_fifths_of_least_and_most_spread() -> None:
    spread = np.arange(100.0)
    found = spread_tells("regression", np.zeros(100), np.where(spread < 20, 1.0, np.where(spread < 80, 50.0, 7.0)), spread)
    assert found is not None
    assert (found["error_least"], found["error_most"], found["median"]) == (1.0, 7.0, 49.5)


def test_classes_are_judged_by_the_label_decided_on() -> None:
    """The error is what the true class was not given; the spread that of the likeliest."""
    predicted = np.tile([0.7, 0.2, 0.1], (60, 1))
    spread = np.stack([np.arange(60.0), np.zeros(60), np.zeros(60)], axis=1)
    truth = np.where(np.arange(60) < 30, 0.0, 2.0)
    found = spread_tells("multiclass", truth, predicted, spread)
    assert found is not None
    assert found["error_least"] == pytest.approx(0.3)
    assert found["error_most"] == pytest.approx(0.9)
    assert found["correlation"] > 0.8


@pytest.mark.parametrize(("truth", "spread"), [(np.zeros(60), np.arange(60.0)), (np.arange(60.0), np.ones(60))])
def test_no_correlation_where_nothing_varies(truth: Any, spread: Any) -> None:
    found = spread_tells("regression", truth, np.zeros(60), spread)
    assert found is not None
    assert found["correlation"] is None


def test_few_labels_say_nothing() -> None:
    assert spread_tells("binary", np.zeros(49), np.zeros(49), np.zeros(49)) is None


def test_evaluation_says_it_of_each_task_and_metrics_stay(tmp_path: Path, make_task: Any, sample: Any) -> None:
    """With a spread, a part of its own in evaluation.json; without, null; metrics.json is the same either way."""
    encodings, test, rivals = a_case(tmp_path / "test", make_task, sample)
    spread = {name: np.random.default_rng(0).random(np.shape(values)) for name, values in rivals["model"].items()}
    plain, said = evaluate(a_spec(), encodings, test, rivals), evaluate(a_spec(), encodings, test, rivals, spread)
    assert said.metrics == plain.metrics
    for name, task in said.evaluation["tasks"].items():
        assert plain.evaluation["tasks"][name]["spread"] is None
        assert set(task["spread"]) == {"correlation", "error_least", "error_most", "median"}
