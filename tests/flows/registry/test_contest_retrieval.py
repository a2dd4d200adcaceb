"""Candidate against champion in retrieval: identities come and go, and both are asked about those that both know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import NumericColumn, TabularEncoding
from mtl.registry.contest import MIN_ROWS, contest
from mtl.registry.gate import judge, passes
from mtl.registry.package import Predictions
from mtl.registry.versus import versus
from mtl.spec import Gate, Spec, parse_spec

OLD = [f"old{i}" for i in range(30)]
NEW = [f"new{i}" for i in range(6)]
ROWS = 8
"""Of each identity."""
KNOWN = [name for name in (*OLD, *NEW) for _ in range(ROWS)]
KEYS = pl.DataFrame(
    {"entity": "person", "key": [f"k{i}" for i in range(len(KNOWN))], "group": pl.Series([None] * len(KNOWN), dtype=pl.String)}
)


@dataclass(frozen=True)
class Model:
    """Finds the identity of a share of the rows, of the others another one; told by the one column that it reads."""

    classes: Sequence[str]
    right: float
    likes: Sequence[str] = ()
    """Identities that it thinks likelier than any other, whatever the row."""

    @property
    def encodings(self) -> Encodings:
        task = TaskEncoding(
            "who", "who", "retrieval", "person", "people", "who", ("person",), "recall_at_1", classes=tuple(self.classes), size=4
        )
        table = TabularEncoding("person", {"person": "people"}, (NumericColumn("x", "x", 0.0, 1.0),), ())
        return Encodings({"person": table}, (task,))

    def predictions(self, frame: pl.DataFrame) -> Predictions:
        rows, classes = frame["x"].cast(pl.Int64).to_list(), list(self.classes)
        found = 0.1 * np.stack([np.random.default_rng([*name.encode()]).random(len(KNOWN))[rows] for name in classes], 1)
        found[:, [classes.index(name) for name in self.likes]] += 2
        for i, hit in enumerate(np.random.default_rng(1).random(len(KNOWN))[rows] < self.right):
            found[i, [classes.index(name) for name in classes if hit and name == KNOWN[rows[i]]]] += 1
        return {"who": found / found.sum(1, keepdims=True)}

    def trained_on(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        return np.zeros(0, np.uint64)


def rows(spec: Spec, of: Encodings) -> pl.DataFrame:
    return KEYS.select("entity", "key", x=pl.Series(range(len(KNOWN))).cast(pl.Float64))


@pytest.fixture(scope="module")
def spec() -> Spec:
    inputs = {"person": {"source": "people", "columns": {"x": {}}}}
    tasks = {"who": {"source": "people", "column": "who", "kind": "retrieval"}}
    parts: dict[str, Any] = {part: {} for part in ("encoding", "model", "training", "gate")} | {"evaluation": {"resamples": 300}}
    sources = {"people": {"path": "people.csv"}}
    return parse_spec(
        {"name": "m", "entities": {"person": {"key": "id"}}, "sources": sources, "inputs": inputs, "tasks": tasks, **parts}
    )


def said(spec: Spec, folder: Path, candidate: Model, champion: Model) -> dict[str, Any]:
    """What the contest says, on test rows as the candidate's encodings label them."""
    number = {name: i for i, name in enumerate(candidate.classes)}
    targets = np.array([[number.get(name, 0)] for name in KNOWN], np.float32)
    labelled = np.array([[name in number] for name in KNOWN])
    AlignedSet({}, targets, labelled, ("who",)).write(folder / "test", KEYS)
    return contest(spec, AlignedSet.read(folder / "test"), candidate, champion, rows)["who"]


@pytest.mark.parametrize(("ours", "theirs", "verdict"), [(0.9, 0.5, "better"), (0.5, 0.9, "worse")])
def test_a_new_identity_does_not_end_the_comparison(ours: float, theirs: float, verdict: str, spec: Spec, tmp_path: Path) -> None:
    assert said(spec, tmp_path, Model([*NEW, *OLD], ours), Model(OLD[::-1], theirs))["verdict"] == verdict


def test_only_rows_whose_identity_both_know_count(spec: Spec, tmp_path: Path) -> None:
    """Else the champion would be wrong on every row of a new one, and the same model would be better than itself."""
    one = said(spec, tmp_path, Model([*NEW, *OLD], 0.8), Model(OLD[::-1], 0.8))
    assert (one["diff"], one["verdict"]) == (0.0, "no worse")


def test_an_identity_that_one_lacks_stands_in_nobodys_way(spec: Spec, tmp_path: Path) -> None:
    """Both are asked which of those it is that both know: a catalogue that grows, or shrinks, makes nobody better or worse."""
    one = said(spec, tmp_path, Model([*NEW[:3], *OLD], 0.8, NEW[:3]), Model([*OLD, *NEW[3:]], 0.8, NEW[3:]))
    assert (one["diff"], one["verdict"]) == (0.0, "no worse")


@pytest.mark.parametrize("common", [0, 3])
def test_too_few_rows_of_common_identities_cannot_tell(common: int, spec: Spec, tmp_path: Path) -> None:
    one = said(spec, tmp_path, Model(OLD, 1.0), Model([*OLD[:common], *NEW], 1.0))
    assert (one["verdict"], one["diff"]) == ("cannot tell", None)
    assert one["reason"] == (
        f"{common * ROWS} labels of an identity that the champion knows on the {len(KNOWN)} test rows that it never trained on; "
        f"{MIN_ROWS} are needed"
    )


def test_a_candidate_that_only_retrieves_can_become_champion(spec: Spec, tmp_path: Path) -> None:
    one = said(spec, tmp_path, Model([*OLD, *NEW], 0.9), Model(OLD, 0.9))
    assert passes(judge(Gate(no_worse_than=("champion",)), {"tasks": {"who": {}}}, {"who": one}, {}, {"who": "who"}))


@pytest.mark.parametrize("sides", [(0.9, 0.5), (0.5, 0.9)])
def test_two_versions_are_asked_of_the_identities_that_both_know(sides: tuple[float, float], spec: Spec, tmp_path: Path) -> None:
    """The workspace knows all identities, the first version lacks some, the second others, each in an order of its own."""
    here = Model([*OLD, *NEW], 1.0)
    targets = np.array([[here.classes.index(name)] for name in KNOWN], np.float32)
    AlignedSet({}, targets, np.ones(targets.shape, np.bool_), ("who",)).write(tmp_path / "test", KEYS)
    test, old, new = AlignedSet.read(tmp_path / "test"), Model(OLD[::-1], sides[0]), Model([*NEW, *OLD[5:]], sides[1])
    many, (found,) = versus(spec, test, here.encodings.tasks, old, new, rows)
    assert many == len(KNOWN)
    assert found.verdict == ("better" if sides[1] > sides[0] else "worse")
    both = [name in OLD[5:] for name in KNOWN]
    hit = np.random.default_rng(1).random(len(KNOWN))[both]
    assert found.new == pytest.approx((hit < sides[1]).mean(), abs=0.03)
    few = Model([*NEW, *OLD[-3:]], 1.0)
    assert "24 labels" in versus(spec, test, here.encodings.tasks, old, few, rows)[1][0].reason
