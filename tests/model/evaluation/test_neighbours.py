"""The nearest neighbours: what they find, what they may see, and where there is nothing to see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.metrics import point
from mtl.evaluation.rivals import fit_rivals

from .test_linear import a_set as texts

NAMES = tuple(f"i{c}" for c in range(20))


def a_set(random: np.random.Generator, rows: int, centres: Any, share: float = 0.9) -> AlignedSet:
    identity = random.integers(0, len(centres), rows)
    numeric = (centres[identity] + 0.3 * random.normal(size=(rows, centres.shape[1]))).astype(np.float32)
    missing = np.zeros(numeric.shape, np.bool_)
    other = {
        "numeric": random.normal(size=(rows, 2)).astype(np.float32),
        "missing": missing[:, :2],
        "present": np.ones(rows, np.bool_),
    }
    inputs = {"one": {"numeric": numeric, "missing": missing, "present": np.ones(rows, np.bool_)}, "two": other}
    labelled = random.random((rows, 1)) < share
    return AlignedSet(inputs, np.where(labelled, identity[:, None], 0).astype(np.float32), labelled, ("who",))


@pytest.fixture
def sets() -> list[AlignedSet]:
    random = np.random.default_rng(0)
    centres = random.normal(size=(20, 6))
    return [a_set(random, rows, centres) for rows in (400, 100, 150)]


def found_by(make_task: Any, sets: list[AlignedSet], *inputs: str) -> Any:
    task = make_task("who", "retrieval", inputs=inputs, classes=NAMES)
    return fit_rivals(Encodings({}, (task,)), *sets)["who"]


def test_they_find_who_is_near(make_task: Any, sets: list[AlignedSet]) -> None:
    found, known = found_by(make_task, sets, "one"), sets[2].labelled[:, 0]
    np.testing.assert_allclose(found.sum(1), 1)
    assert point("retrieval", sets[2].targets[known, 0], found[known])["recall_at_1"].value > 0.9
    blind = found_by(make_task, sets, "two")
    assert point("retrieval", sets[2].targets[known, 0], blind[known])["recall_at_1"].value < 0.2


def test_the_same_rows_are_found_for_sure(make_task: Any, sets: list[AlignedSet]) -> None:
    known = sets[0].labelled[:, 0]
    found = found_by(make_task, [sets[0], sets[1], sets[0]], "one")
    assert (found[known].argmax(1) == sets[0].targets[known, 0]).all()


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_hardly_a_label_is_no_crash(make_task: Any, share: float) -> None:
    random = np.random.default_rng(1)
    centres = random.normal(size=(20, 6))
    found = found_by(make_task, [a_set(random, rows, centres, share) for rows in (60, 20, 30)], "one")
    np.testing.assert_allclose(found.sum(1), 1)


def test_texts_have_neighbours_too(make_task: Any) -> None:
    random, task = np.random.default_rng(2), make_task("t", "multiclass")
    sets = [texts(random, rows, [task]) for rows in (300, 80, 100)]
    found = fit_rivals(Encodings({}, (make_task("t", "retrieval", inputs=("words", "numbers")),)), *sets)["t"]
    np.testing.assert_allclose(found.sum(1), 1)
