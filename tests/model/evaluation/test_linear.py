"""The linear rival of tasks that read texts: it finds the word that decides, sees what the task sees, and bears odd data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.ragged import Ragged
from mtl.evaluation.trees import fit_trees

KINDS = ("regression", "binary", "multiclass", "ordinal")


def a_set(random: np.random.Generator, rows: int, tasks: list[Any], words: int = 30) -> AlignedSet:
    """Class: how many of tokens 5 and 6 a text has; the number beside it moves the regression."""
    texts = [random.integers(2, words, random.integers(1, 30)) for _ in range(rows)]
    count = np.array([(5 in text) + (6 in text) for text in texts]) if words > 6 else np.zeros(rows, np.int64)
    numbers = random.normal(size=(rows, 2)).astype(np.float32)
    inputs = {
        "words": {"tokens": Ragged.of(texts, np.int32), "present": np.ones(rows, np.bool_)},
        "numbers": {
            "numeric": numbers, "missing": np.zeros((rows, 2), np.bool_), "present": np.ones(rows, np.bool_),
            "categorical": random.integers(0, 4, (rows, 1)).astype(np.int32),
        },
    }  # fmt: skip
    columns = {"regression": count + numbers[:, 0], "binary": count > 0, "multiclass": count, "ordinal": count}
    targets = np.stack([columns[t.kind].astype(np.float32) for t in tasks], 1)
    labelled = random.random(targets.shape) < 0.9
    return AlignedSet(inputs, np.where(labelled, targets, 0).astype(np.float32), labelled, tuple(t.name for t in tasks))


def fitted(make_task: Any, rows: int = 500, inputs: tuple[str, ...] = ("words", "numbers"), **more: Any) -> Any:
    tasks = [
        make_task(kind, kind, inputs=inputs, **({"mean": 50.0, "std": 10.0} if kind == "regression" else {})) for kind in KINDS
    ]
    random = np.random.default_rng(0)
    train, valid, test = (a_set(random, n, tasks, **more) for n in (rows, max(rows // 4, 1), 200))
    return fit_trees(Encodings({}, tuple(tasks)), train, valid, test), test


def test_it_finds_the_words_and_the_numbers(make_task: Any) -> None:
    found, test = fitted(make_task)
    truth = {kind: test.targets[:, i] for i, kind in enumerate(KINDS)}
    known = {kind: test.labelled[:, i] for i, kind in enumerate(KINDS)}
    scaled = (found["regression"] - 50) / 10
    assert np.corrcoef(scaled[known["regression"]], truth["regression"][known["regression"]])[0, 1] > 0.9
    for kind in ("multiclass", "ordinal"):
        np.testing.assert_allclose(found[kind].sum(1), 1)
        assert (found[kind].argmax(1) == truth[kind])[known[kind]].mean() > 0.6
    assert ((found["binary"] > 0.5) == truth["binary"])[known["binary"]].mean() > 0.8


def test_it_sees_no_text_that_its_task_may_not_see(make_task: Any) -> None:
    """Such a task has trees, which know nothing of the words."""
    found, test = fitted(make_task, inputs=("numbers",))
    assert ((found["binary"] > 0.5) == test.targets[:, 1])[test.labelled[:, 1]].mean() < 0.75


@pytest.mark.parametrize("rows", [2, 8])
@pytest.mark.parametrize("words", [3, 30])
def test_odd_data_give_finite_predictions(make_task: Any, rows: int, words: int) -> None:
    found = fitted(make_task, rows, words=words)[0]
    for values in found.values():
        assert len(values) == 200
        assert np.isfinite(values).all()
