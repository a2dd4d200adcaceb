"""Candidate against champion: only rows new to the champion count, each model reads its own columns."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import NumericColumn, TabularEncoding
from mtl.registry.contest import MIN_ROWS, contest
from mtl.registry.package import Predictions, entity_hashes
from mtl.spec import Spec, parse_spec

N = 200
TRUTH = np.random.default_rng(3).normal(size=N)
HEIGHT = TaskEncoding("height", "height", "regression", "person", "people", "height", ("person",), "r2", "cm")
COLOUR = TaskEncoding(
    "colour", "colour", "multiclass", "person", "people", "colour", ("person",), "accuracy", classes=("blue", "green", "red")
)
LABEL = (TRUTH > 0).astype(int) + (TRUTH > 1)


def encodings(*tasks: TaskEncoding, column: str = "x") -> Encodings:
    numeric = (NumericColumn(column, column, 0.0, 1.0),)
    return Encodings({"person": TabularEncoding("person", {"person": "people"}, numeric, ())}, tasks)


@dataclass(frozen=True)
class Model:
    """Predicts the truth plus noise, through the one column that it reads; remembers what it was asked."""

    encodings: Encodings
    noise: float
    seen: pl.DataFrame
    asked: list[pl.DataFrame]

    def predictions(self, frame: pl.DataFrame) -> Predictions:
        self.asked.append(frame)
        values = frame[self.encodings.names[0]].to_numpy()
        noisy = values + self.noise * np.random.default_rng(1).normal(size=len(values))
        label = (noisy > 0).astype(int) + (noisy > 1)
        classes = {t.name: t.classes for t in self.encodings.tasks if t.classes}
        probability = {n: np.stack([np.asarray(COLOUR.classes)[label] == c for c in cs], axis=1) * 1.0 for n, cs in classes.items()}
        apart = {t.name: np.stack([noisy + level - 0.5 for level in t.levels], 1) for t in self.encodings.tasks if t.levels}
        return {t.name: {**probability, **apart}.get(t.name, noisy) for t in self.encodings.tasks}

    def trained_on(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        return np.sort(entity_hashes(self.seen))


KEYS = pl.DataFrame({"entity": "person", "key": [f"k{i}" for i in range(N)], "group": pl.Series([None] * N, dtype=pl.String)})
NOTHING = KEYS.head(0).select("entity", "key")


@pytest.fixture
def test_set(tmp_path):
    def make(*tasks: TaskEncoding, labelled: int = N, group: list[str] | None = None) -> AlignedSet:
        columns = {"height": TRUTH, "colour": LABEL}
        targets = np.stack([columns[t.name] for t in tasks], axis=1).astype(np.float32)
        mask = np.arange(N)[:, None] < labelled
        keys = KEYS if group is None else KEYS.with_columns(group=pl.Series(group))
        shutil.rmtree(tmp_path / "test", ignore_errors=True)
        AlignedSet({}, targets, mask & np.ones(targets.shape, bool), tuple(t.name for t in tasks)).write(tmp_path / "test", keys)
        return AlignedSet.read(tmp_path / "test")

    return make


def rows(spec: Spec, of: Encodings) -> pl.DataFrame:
    """In another order than the test set, as a join may give them."""
    raw = KEYS.select("entity", "key", x=pl.Series(TRUTH), z=pl.Series(TRUTH)).reverse()
    return raw.select("entity", "key", *of.names)


@pytest.fixture(scope="module")
def spec() -> Spec:
    source = {"people": {"path": "people.csv"}}
    inputs = {"person": {"source": "people", "columns": {"x": {}}}}
    tasks = {"height": {"source": "people", "column": "height", "kind": "regression"}}
    parts: dict[str, Any] = {part: {} for part in ("encoding", "model", "training", "gate")} | {"evaluation": {"resamples": 300}}
    return parse_spec(
        {"name": "m", "entities": {"person": {"key": "id"}}, "sources": source, "inputs": inputs, "tasks": tasks, **parts}
    )


def model(noise: float, *tasks: TaskEncoding, seen: pl.DataFrame = NOTHING, column: str = "x") -> Model:
    return Model(encodings(*tasks, column=column), noise, seen, [])


def test_the_better_model_wins_on_rows_in_any_order(spec, test_set):
    test = test_set(HEIGHT)
    assert contest(spec, test, model(0.1, HEIGHT), model(0.9, HEIGHT, column="z"), rows)["height"]["verdict"] == "better"
    assert contest(spec, test, model(0.9, HEIGHT), model(0.1, HEIGHT), rows)["height"]["verdict"] == "worse"


def test_only_rows_that_the_champion_never_trained_on(spec, test_set):
    champion = model(0.5, HEIGHT, seen=KEYS.head(150).select("entity", "key"))
    candidate = model(0.5, HEIGHT)
    contest(spec, test_set(HEIGHT), candidate, champion, rows)
    for one in (candidate, champion):
        assert one.asked[0]["key"].to_list() == [f"k{i}" for i in range(150, N)]


@pytest.mark.parametrize("left", [0, MIN_ROWS - 1])
def test_too_few_fresh_rows_cannot_tell(spec, test_set, left):
    champion = model(0.9, HEIGHT, seen=KEYS.head(N - left).select("entity", "key"))
    said = contest(spec, test_set(HEIGHT), model(0.1, HEIGHT), champion, rows)["height"]
    assert (said["verdict"], said["diff"]) == ("cannot tell", None)
    assert said["reason"] == f"{left} labels on the {left} test rows that the champion never trained on; {MIN_ROWS} are needed"
    assert not champion.asked


def test_too_few_labels_cannot_tell(spec, test_set):
    said = contest(spec, test_set(HEIGHT, labelled=MIN_ROWS - 1), model(0.1, HEIGHT), model(0.9, HEIGHT), rows)["height"]
    assert said["reason"].startswith(f"{MIN_ROWS - 1} labels on the {N} test rows")


def test_classes_in_another_order_are_put_in_order(spec, test_set):
    theirs = replace(COLOUR, classes=("red", "blue", "green"))
    said = contest(spec, test_set(COLOUR), model(0.0, COLOUR), model(0.0, theirs), rows)["colour"]
    assert (said["verdict"], said["diff"]) == ("no worse", 0.0)


@pytest.mark.parametrize(
    ("theirs", "reason"),
    [
        (replace(HEIGHT, unit="m"), "the champion's unit of it is 'm', the candidate's 'cm'"),
        (replace(HEIGHT, column="size"), "the champion's column of it is 'size', the candidate's 'height'"),
        (
            replace(HEIGHT, kind="binary", classes=("no", "yes")),
            "the champion's kind of it is 'binary', the candidate's 'regression'",
        ),
    ],
)
def test_another_question_of_the_same_name_cannot_tell(spec, test_set, theirs, reason):
    said = contest(spec, test_set(HEIGHT), model(0.1, HEIGHT), model(0.1, theirs), rows)["height"]
    assert said["reason"] == reason


def test_quantiles_are_compared_at_the_same_levels(spec, test_set):
    ours, theirs = (replace(HEIGHT, kind="quantile", levels=levels, metric="pinball") for levels in ((0.1, 0.5), (0.5, 0.9)))
    said = contest(spec, test_set(HEIGHT), model(0.1, ours), model(0.9, ours), rows)["height"]
    assert (said["verdict"], said["diff"] > 0) == ("better", True)
    said = contest(spec, test_set(HEIGHT), model(0.1, ours), model(0.9, theirs), rows)["height"]
    assert said["reason"] == "the champion predicts other quantiles of it"


def test_other_classes_cannot_tell(spec, test_set):
    theirs = replace(COLOUR, classes=("blue", "red"))
    said = contest(spec, test_set(COLOUR), model(0.1, COLOUR), model(0.1, theirs), rows)["colour"]
    assert said["reason"] == "the champion knows other classes of it"


def test_only_tasks_that_both_have(spec, test_set):
    assert contest(spec, test_set(HEIGHT), model(0.1, HEIGHT), model(0.1, COLOUR), rows) == {}
    assert set(contest(spec, test_set(HEIGHT, COLOUR), model(0.1, HEIGHT, COLOUR), model(0.1, COLOUR), rows)) == {"colour"}


def test_a_task_that_the_candidate_dropped_is_worse_and_one_that_the_spec_dropped_is_forgotten(spec, test_set):
    """`height` stands in the spec, `colour` does not: only the first is a loss that nobody asked for."""
    kept = replace(COLOUR, name="kept", of="kept")
    test = replace(test_set(COLOUR), tasks=("kept",))
    said = contest(spec, test, model(0.1, kept), model(0.1, HEIGHT, COLOUR), rows)
    assert {name: one["verdict"] for name, one in said.items()} == {"height": "worse"}


def test_a_champion_whose_columns_are_gone_cannot_tell(spec, test_set):
    said = contest(spec, test_set(HEIGHT), model(0.1, HEIGHT), model(0.1, HEIGHT, column="gone"), rows)["height"]
    assert said["reason"] == "the champion reads columns that the validated tables no longer have"


def test_groups_widen_what_is_known(spec, test_set):
    few = test_set(HEIGHT, group=["one" if i < 198 else "two" for i in range(N)])
    assert contest(spec, few, model(0.1, HEIGHT), model(0.9, HEIGHT), rows)["height"]["verdict"] == "cannot tell"
