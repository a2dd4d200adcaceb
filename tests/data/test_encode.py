from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.align import align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.encode import GOLDEN_ROWS, Encoded, encode, raw_rows
from mtl.data.split import split_entities
from mtl.errors import DataError, LeakError, UnfitError
from mtl.spec import Spec
from tests.pictures import file_of, pixels_of

from .conftest import Write, spec_of

N = 600
COLUMNS = {"x": {"kind": "numeric"}, "same": {"kind": "numeric"}, "one": {"kind": "numeric"}, "c": {"kind": "categorical"}}


def people(**changes: Any) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(50, 10, N)
    base = {
        "id": [str(i) for i in range(N)], "x": x, "same": x, "one": [1.0] * N, "c": rng.choice(["a", "b"], N),
        "y": x + rng.normal(0, 20, N), "b": rng.choice(["0", "1"], N),
    }  # fmt: skip
    return pl.DataFrame({**base, **changes})


def spec_with(**changes: Any) -> Spec:
    inputs = {"facts": {"source": "people", "columns": COLUMNS}}
    return spec_of(**{"inputs": inputs, **changes})


def encoded(write: Write, spec: Spec, **tables: pl.DataFrame) -> tuple[Encoded, pl.DataFrame]:
    folder = write(**tables)
    split = split_entities(spec, folder)
    return encode(spec, folder, split), split


def test_only_train_rows_fit(write: Write) -> None:
    """Other values in valid and test rows change nothing that was fitted."""
    spec = spec_with()
    done, split = encoded(write, spec, people=people())
    held_out = set(split.filter(pl.col("split") != "train")["key"])
    other = people().with_columns(
        pl.when(pl.col("id").is_in(held_out)).then(pl.col(c) * 100 + 7).otherwise(c).alias(c) for c in ("x", "same", "y")
    )
    again, _ = encoded(write, spec, people=other)
    assert again.encodings == done.encodings


def test_constant_and_duplicate_columns_are_dropped_and_named(write: Write) -> None:
    done, _ = encoded(write, spec_with(), people=people())
    dropped = done.encodings.inputs["facts"].dropped
    assert dropped == {"same": "the same as x", "one": "constant in train (1.0)"}
    assert done.report["inputs"]["facts"]["dropped"] == dropped


def test_the_train_rows_are_standardised(write: Write) -> None:
    done, split = encoded(write, spec_with(), people=people())
    train = done.inputs["facts"].join(split.filter(pl.col("split") == "train"), on="key")["x"]
    assert (train.mean(), train.std(ddof=0)) == pytest.approx((0, 1), abs=1e-5)


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_a_column_that_gives_the_label_away_stops_the_run(write: Write, kind: str) -> None:
    table = people()
    target = table["y"] if kind == "regression" else (table["x"] > 50).cast(pl.Int8).cast(pl.String)
    leak = target * 2 + 1 if kind == "regression" else target.replace_strict({"0": 3.0, "1": 9.0})
    tasks = {"y": {"source": "people", "column": "y", "kind": kind}}
    spec = spec_with(inputs={"facts": {"source": "people", "columns": {"c": {"kind": "categorical"}, "late": {}}}}, tasks=tasks)
    with pytest.raises(LeakError, match=r"inputs\.facts\.columns\.late alone predicts task 'y'"):
        encoded(write, spec, people=people(y=target, late=leak))


def test_a_leak_may_be_allowed_or_dropped(write: Write) -> None:
    table = people(late=people()["y"])
    columns: dict[str, Any] = {"x": {}, "late": {"leak": "allow"}}
    done, _ = encoded(write, spec_with(inputs={"facts": {"source": "people", "columns": columns}}), people=table)
    assert [leak["decision"] for leak in done.report["leaks"]] == ["allow"]
    columns["late"] = {}
    spec = spec_with(inputs={"facts": {"source": "people", "columns": columns}}, encoding={"leak": {"on_leak": "drop"}})
    done, _ = encoded(write, spec, people=table)
    assert done.encodings.inputs["facts"].dropped == {"late": "leak: predicts y"}


def test_an_id_does_not_pass_for_a_leak(write: Write) -> None:
    """A category of its own for each row predicts nothing on rows it was not learned from."""
    columns = {"x": {}, "serial": {"kind": "categorical"}}
    spec = spec_with(inputs={"facts": {"source": "people", "columns": columns}})
    done, _ = encoded(write, spec, people=people(serial=[f"n{i}" for i in range(N)]))
    assert done.report["leaks"] == []


def test_select_keeps_the_informative_columns(write: Write) -> None:
    rng = np.random.default_rng(1)
    noise = {f"n{i}": rng.normal(size=N) for i in range(6)}
    columns = {"x": {}, **{name: {} for name in noise}}
    spec = spec_with(inputs={"facts": {"source": "people", "columns": columns}}, encoding={"select": 2})
    done, _ = encoded(write, spec, people=people(y=people()["x"] * 2 + rng.normal(0, 5, N), **noise))
    one = done.encodings.inputs["facts"]
    assert "x" in one.names
    assert len(one.names) == 2
    assert all("mutual information" in reason for reason in one.dropped.values())


@pytest.mark.parametrize(
    ("target", "reason"),
    [(["1"] * N, "one value only"), ([None] * N, "no label in train"), ([None] * (N - 5) + ["0", "1"] * 2 + ["0"], "label")],
)
def test_a_task_that_cannot_be_learned_stops_or_is_dropped(write: Write, target: list[str | None], reason: str) -> None:
    tasks = {
        "y": {"source": "people", "column": "y", "kind": "regression"},
        "z": {"source": "people", "column": "z", "kind": "binary"},
    }
    table = people(z=pl.Series(target, dtype=pl.String))
    with pytest.raises(UnfitError, match=reason):
        encoded(write, spec_with(tasks=tasks), people=table)
    done, _ = encoded(write, spec_with(tasks=tasks, encoding={"on_unfit": "drop"}), people=table)
    assert [task.name for task in done.encodings.tasks] == ["y"]
    assert reason in done.encodings.dropped_tasks["z"]


def test_labels_of_a_class_that_train_does_not_have_are_counted(write: Write) -> None:
    spec = spec_with(tasks={"team": {"source": "people", "column": "team", "kind": "multiclass"}})
    folder = write(people=people(team=["red", "blue"] * (N // 2)))
    held_out = split_entities(spec, folder).filter(pl.col("split") == "test")["key"][:3].to_list()
    team = pl.when(pl.col("id").is_in(held_out)).then(pl.lit("violet")).otherwise("team").alias("team")
    done, _ = encoded(write, spec, people=people(team=["red", "blue"] * (N // 2)).with_columns(team))
    assert done.report["tasks"]["team"]["unseen"] == 3


def test_for_each_makes_a_task_of_each_value(write: Write, tmp_path: Path) -> None:
    schools = [str(i % 12) for i in range(N)]
    tasks = {"score": {"source": "people", "column": "y", "kind": "regression", "for_each": {"column": "school"}}}
    done, split = encoded(write, spec_with(tasks=tasks), people=people(school=schools))
    assert [task.name for task in done.encodings.tasks] == [f"score_{i}" for i in range(12)]
    aligned = _aligned(done, split, tmp_path)["train"]
    assert (aligned.labelled.sum(axis=1) == 1).all()


def test_tasks_made_of_the_same_value_of_different_columns_keep_their_own_labels(write: Write) -> None:
    """The leak check looks at each on its own rows."""
    sides = {"left": [str(i % 2) for i in range(N)], "right": [str(i // 2 % 2) for i in range(N)]}
    tasks = {side: {"source": "people", "column": "y", "kind": "regression", "for_each": {"column": side}} for side in sides}
    found = {}
    for column in sides:
        target = people()["y"]
        on_side = pl.Series(sides[column]) == "0"
        given_away = pl.select(pl.when(on_side).then(target).otherwise(0.0)).to_series()
        inputs = {"facts": {"source": "people", "columns": {"x": {}, "late": {"leak": "allow"}}}}
        table = people(late=given_away, **sides)
        done, _ = encoded(write, spec_with(tasks=tasks, inputs=inputs), people=table)
        found[column] = {leak["task"] for leak in done.report["leaks"]}
    assert found == {"left": {"left_0"}, "right": {"right_0"}}


def test_golden_rows_are_the_raw_rows_of_the_first_valid_entities(write: Write) -> None:
    inputs = {
        "facts": {"source": "people", "columns": {"x": {}, "c": COLUMNS["c"]}},
        "lab": {"source": "visits", "columns": {"v": {}}},
    }
    spec = spec_with(sources={"people": {"path": "a"}, "visits": {"path": "b"}}, inputs=inputs)
    visits = pl.DataFrame({"id": [str(i) for i in range(100, 400)], "v": np.arange(300.0)})
    folder = write(people=people().sample(N, shuffle=True, seed=0), visits=visits)
    split = split_entities(spec, folder)
    done = encode(spec, folder, split)
    keys = split.filter(pl.col("split") == "valid").select("entity", "key").head(GOLDEN_ROWS)
    assert done.golden.equals(raw_rows(spec, done.encodings, folder, keys))
    assert 0 < done.golden["v"].null_count() < done.golden.height


def test_golden_rows_hold_only_so_many_bytes(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Photographs say, which lie in each registered version; where one is larger than all may be, it is there all the same."""
    photos = [file_of(pixels_of(12, 10, 3, seed=i)) for i in range(N)]
    spec = spec_of(inputs={"facts": {"source": "people", "kind": "image", "column": "photo", "size": [6, 8]}})
    table = people().with_columns(photo=pl.Series(photos))
    whole = encoded(write, spec, people=table)[0].golden
    assert whole.height == GOLDEN_ROWS
    for most, rows in ((sum(map(len, whole["photo"][:5])), 5), (sum(map(len, whole["photo"][:5])) - 1, 4), (10, 1)):
        monkeypatch.setattr("mtl.data.encode.GOLDEN_BYTES", most)
        assert encoded(write, spec, people=table)[0].golden.equals(whole.head(rows))


def test_raw_rows_are_gathered_part_by_part(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each part of a table only the rows that are asked for stay in memory."""
    spec = spec_with()
    done, _ = encoded(write, spec, people=people())
    folder = write(people=people()[:200])
    for part, start in ((1, 200), (2, 400)):
        people()[start : start + 200].write_parquet(folder / f"people/part-{part:04d}.parquet")
    collect, heights = pl.LazyFrame.collect, []

    def recorded(table: pl.LazyFrame, **more: Any) -> pl.DataFrame:
        found = collect(table, **more)
        assert isinstance(found, pl.DataFrame)
        heights.append(found.height)
        return found

    monkeypatch.setattr(pl.LazyFrame, "collect", recorded)
    keys = pl.DataFrame({"entity": "person", "key": ["450", "nobody", "7", "201"]})
    rows = raw_rows(spec, done.encodings, folder, keys)
    assert rows.select("entity", "key").equals(keys)
    assert rows["x"].to_list() == [people()["x"][450], None, people()["x"][7], people()["x"][201]]
    assert max(heights) <= 200


def test_no_label_is_lost_between_the_table_and_the_arrays(write: Write, tmp_path: Path) -> None:
    """Labels missing in any pattern, two sources with partly the same entities."""
    rng = np.random.default_rng(2)
    holes = [value if keep else None for value, keep in zip(people()["y"], rng.random(N) < 0.5, strict=True)]
    tasks = {
        "y": {"source": "people", "column": "y", "kind": "regression"},
        "b": {"source": "visits", "column": "b", "kind": "binary"},
    }
    spec = spec_with(sources={"people": {"path": "a"}, "visits": {"path": "b"}}, tasks=tasks)
    visits = people().select("id", "b").tail(350)
    done, split = encoded(write, spec, people=people(y=holes), visits=visits)
    sets = _aligned(done, split, tmp_path)
    labels = sum(s.labelled.sum(axis=0) for s in sets.values())
    assert labels.tolist() == [sum(v is not None for v in holes), 350]
    truth = {k: v for s in sets.values() for k, v in zip(s.keys()["key"], s.truth(done.encodings.tasks)["y"], strict=True)}
    assert all(truth[str(i)] == pytest.approx(v, rel=1e-5) for i, v in enumerate(holes) if v is not None)


def test_an_entity_that_lacks_an_input_is_absent_there(write: Write, tmp_path: Path) -> None:
    inputs = {"facts": {"source": "people", "columns": {"x": {}}}, "lab": {"source": "visits", "columns": {"v": {}}}}
    spec = spec_with(sources={"people": {"path": "a"}, "visits": {"path": "b"}}, inputs=inputs)
    visits = pl.DataFrame({"id": [str(i) for i in range(100, 200)], "v": np.arange(100.0)})
    done, split = encoded(write, spec, people=people(), visits=visits)
    for aligned in _aligned(done, split, tmp_path).values():
        there = aligned.inputs["lab"]["present"]
        assert there.tolist() == [100 <= int(key) < 200 for key in aligned.keys()["key"]]
        assert aligned.inputs["facts"]["present"].all()


def _aligned(done: Encoded, split: pl.DataFrame, folder: Path) -> dict[str, AlignedSet]:
    write_encoded(folder / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(folder / "encoded", done.encodings, split, folder / "aligned")
    return {side: AlignedSet.read(folder / "aligned" / side) for side in ("train", "valid", "test")}


def test_a_task_made_of_a_value_may_not_be_called_as_another_one(write: Write) -> None:
    school = ["a", "b"] * (N // 2)
    made = {"source": "people", "column": "y", "kind": "regression", "for_each": {"column": "school"}}
    tasks = {"y": made, "y_a": {"source": "people", "column": "b", "kind": "binary"}}
    with pytest.raises(DataError, match=r"'y_a': made of tasks\.y and of tasks\.y_a"):
        encoded(write, spec_with(tasks=tasks), people=people(school=school))


@pytest.mark.parametrize("column", ["key", "split", "entity", "row", "value", "label", "a b", "größe", "predicted.y", "__group__"])
def test_an_input_may_have_any_name(write: Write, tmp_path: Path, column: str) -> None:
    """Also one of the words of our own tables; the golden rows keep both."""
    spec = spec_with(inputs={"facts": {"source": "people", "columns": {column: {}, "c": {"kind": "categorical"}}}})
    done, split = encoded(write, spec, people=people(**{column: np.random.default_rng(1).normal(size=N)}))
    write_encoded(tmp_path / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(tmp_path / "encoded", done.encodings, split, tmp_path / "aligned")
    (number,) = done.encodings.inputs["facts"].numeric
    assert number.column == column
    assert not AlignedSet.read(tmp_path / "aligned" / "test").inputs["facts"]["missing"].any()
    assert not number.name.startswith("predicted.")


@pytest.mark.parametrize("column", ["key", "entity"])
def test_a_slice_by_a_word_of_our_tables_is_refused(write: Write, column: str) -> None:
    """Before, `entity` gave the entity's own name as the band, and `key` a traceback."""
    spec = spec_with(evaluation={"slices": {column: None}})
    with pytest.raises(DataError, match=f"column '{column}'"):
        encoded(write, spec, people=people(**{column: ["u", "v"] * (N // 2)}))
