"""The plain rivals of counts and quantiles, and class weights: trees, and linear models where a text is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.metrics import point
from mtl.evaluation.rivals import fit_rivals
from tests.ragged import ragged_of

ROWS = (600, 150, 400)
LEVELS = (0.1, 0.5, 0.9)
Array = np.ndarray[Any, Any]


def sides(seed: int, rows: tuple[int, ...] = ROWS, positive: float = 0.5) -> list[AlignedSet]:
    """Train, valid, test. The first number, and token 5, raise a count and move a number and its noise."""
    random, found = np.random.default_rng(seed), []
    for n in rows:
        numbers = random.normal(size=(n, 2)).astype(np.float32)
        texts = [random.integers(2, 9, random.integers(1, 9)) for _ in range(n)]
        signal = numbers[:, 0] + np.array([5 in text for text in texts])
        count = random.poisson(np.exp(0.7 * signal))
        number = signal + random.normal(size=n) * np.exp(0.3 * signal)
        label = signal + 0.5 * random.normal(size=n) > np.quantile([0.0, *signal], 1 - positive)
        inputs: dict[str, dict[str, Any]] = {
            "words": {"tokens": ragged_of(texts), "present": np.ones(n, np.bool_)},
            "numbers": {
                "numeric": numbers, "missing": np.zeros((n, 2), np.bool_), "present": np.ones(n, np.bool_),
                "categorical": np.zeros((n, 0), np.int32),
            },
        }  # fmt: skip
        targets = np.stack([count, number, label], 1).astype(np.float32)
        found.append(AlignedSet(inputs, targets, np.ones(targets.shape, np.bool_), ("count", "quantile", "binary")))
    return found


def tasks_of(make_task: Any, inputs: tuple[str, ...]) -> tuple[Any, ...]:
    return (
        make_task("count", "count", inputs=inputs),
        make_task("quantile", "quantile", inputs=inputs, levels=LEVELS, mean=50.0, std=10.0),
        make_task("binary", "binary", inputs=inputs),
    )


def fitted(make_task: Any, inputs: tuple[str, ...], rows: tuple[int, ...] = ROWS) -> tuple[dict[str, Array], AlignedSet]:
    whole = sides(0, rows)
    return fit_rivals(Encodings({}, tasks_of(make_task, inputs)), *whole), whole[2]


@pytest.mark.parametrize("inputs", [("numbers",), ("words", "numbers")])
def test_counts_are_learned_as_means_above_0(make_task: Any, inputs: tuple[str, ...]) -> None:
    found, test = fitted(make_task, inputs)
    assert (found["count"] > 0).all()
    explained = point("count", test.targets[:, 0].astype(np.float64), found["count"])["d2"].value
    assert explained is not None
    assert explained > (0.3 if "words" in inputs else 0.1)


@pytest.mark.parametrize("inputs", [("numbers",), ("words", "numbers")])
def test_quantiles_rise_and_cover(make_task: Any, inputs: tuple[str, ...]) -> None:
    found, test = fitted(make_task, inputs)
    said, truth = found["quantile"], test.targets[:, 1] * 10 + 50
    assert said.shape == (400, 3)
    assert (np.diff(said, axis=1) >= 0).all()
    share = ((said[:, 0] <= truth) & (truth <= said[:, 2])).mean()  # trees fit so few rows too well
    assert share == pytest.approx(0.8, abs=0.06) if "words" in inputs else 0.5 < share < 0.86
    plain = np.tile(np.quantile(truth, LEVELS), (400, 1))
    losses = [point("quantile", truth, one, LEVELS)["pinball"].value for one in (said, plain)]
    assert losses[0] < (0.92 if "words" in inputs else 0.98) * losses[1]


@pytest.mark.parametrize("inputs", [("numbers",), ("words",)])
@pytest.mark.parametrize("rows", [(1, 1, 5), (2, 0, 5), (9, 3, 5)])
def test_odd_data_give_finite_predictions(make_task: Any, inputs: tuple[str, ...], rows: tuple[int, ...]) -> None:
    for labels in (0, 1):
        whole = [replace(one, targets=one.targets * labels) for one in sides(1, rows)]
        found = fit_rivals(Encodings({}, tasks_of(make_task, inputs)), *whole)
        assert [found[name].shape for name in ("count", "quantile")] == [(5,), (5, 3)]
        assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("inputs", [("numbers",), ("words", "numbers")])
def test_class_weights_are_the_rivals_too(make_task: Any, inputs: tuple[str, ...]) -> None:
    """A rare class that is weighed up is predicted far more often; weights of 1 change nothing."""
    whole, task = sides(2, positive=0.05), tasks_of(make_task, inputs)[2]
    plain, ones, heavy = (
        fit_rivals(Encodings({}, (replace(task, class_weights=weights),)), *whole)["binary"]
        for weights in ((), (1.0, 1.0), (1.0, 19.0))
    )
    np.testing.assert_allclose(ones, plain, rtol=0, atol=1e-6)
    assert (heavy > 0.5).mean() > 2 * (plain > 0.5).mean()
