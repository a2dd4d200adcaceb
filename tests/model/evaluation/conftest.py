"""Tasks and made-up predictions to score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mtl.data.encodings import TaskEncoding
from mtl.spec import METRICS, NUMBERS

Array = np.ndarray[Any, Any]
MakeTask = Callable[..., TaskEncoding]
LEVELS = {"quantile": (0.05, 0.5, 0.95)}
"""Kind -> what its metrics must know beside truth and prediction."""


def make_task(name: str = "a", kind: str = "regression", **more: Any) -> TaskEncoding:
    classes = {"binary": ("no", "yes")}.get(kind, () if kind in NUMBERS else ("low", "middle", "high"))
    fields = {"of": name, "entity": "person", "source": "people", "column": name, "inputs": ("person",)}
    fitted = {"metric": METRICS[kind][0], "classes": classes, "levels": LEVELS.get(kind, ())}
    return TaskEncoding(name, kind=kind, **{**fitted, **fields, **more})


@pytest.fixture(scope="session", name="make_task")
def make_task_fixture() -> MakeTask:
    return make_task


@pytest.fixture(scope="session")
def sample() -> Callable[..., tuple[Array, Array]]:
    """(kind, rows, random, ties) -> truth and a prediction that knows something of it."""

    def drawn(kind: str, rows: int, random: np.random.Generator, *, ties: bool = False, classes: int = 3) -> tuple[Array, Array]:
        if kind == "regression":
            truth = random.normal(100, 10, rows)
            predicted = truth + random.normal(3, 8, rows)
            return (np.round(truth, -1), np.round(predicted, -1)) if ties else (truth, predicted)
        if kind == "quantile":
            truth, middle = drawn("regression", rows, random, ties=ties)
            apart = np.array([-13.0, 0, 15]) if ties else np.array([-13.0, 0, 15]) * random.random((rows, 1))
            return truth, middle[:, None] + apart
        if kind == "count":
            mean = np.exp(random.normal(1, 1, rows))
            truth, predicted = random.poisson(mean).astype(np.float64), mean * np.exp(random.normal(0, 0.5, rows))
            return (truth, np.round(predicted)) if ties else (truth, predicted)
        if kind == "binary":
            truth = (random.random(rows) < 0.3).astype(np.float64)
            score = 1 / (1 + np.exp(-(truth - 0.5 + random.normal(0, 1, rows))))
            return truth, np.round(score, 1) if ties else score
        if kind == "multilabel":
            truth = (random.random((rows, classes)) < 0.3).astype(np.float64)
            score = 1 / (1 + np.exp(0.5 - truth - random.normal(0, 1, truth.shape)))
            return truth, np.round(score, 1) if ties else score
        truth = random.integers(0, classes, rows).astype(np.float64)
        logits = random.normal(0, 1, (rows, classes)) + (truth[:, None] == np.arange(classes))
        if ties:
            logits = np.round(logits)
        probability = np.exp(logits)
        return truth, probability / probability.sum(axis=1, keepdims=True)

    return drawn
