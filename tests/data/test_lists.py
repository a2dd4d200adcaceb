"""Labels that are lists: as numbers, through encode and align, and in every way to take some of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.choosing.folds import of_tasks, rows_of
from mtl.data.align import LISTS, align, write_encoded
from mtl.data.aligned import AlignedSet
from mtl.data.encode import Encoded, encode
from mtl.data.lists import multi_hot, numbered
from mtl.data.split import split_entities
from mtl.errors import LeakError, UnfitError
from mtl.spec import Spec

from .conftest import Write, spec_of

N = 400
CLASSES = ("a", "b", "c")
Cells = list[list[str | None] | None]
A_LIST = st.lists(st.sampled_from([*CLASSES, "new", None]), max_size=4)


def lists_of(cells: Cells) -> pl.Series:
    return pl.Series(cells, dtype=pl.List(pl.String))


@given(st.lists(st.one_of(st.none(), A_LIST), max_size=12))
def test_a_list_is_its_numbers_or_no_label(cells: Cells) -> None:
    found, labelled = numbered(lists_of(cells), CLASSES)
    assert found.values.dtype == np.int32
    for cell, numbers, known in zip(cells, found.lists().to_list(), labelled, strict=True):
        assert known == (cell is not None and set(cell) <= set(CLASSES))
        assert numbers == ([1 + CLASSES.index(str(one)) for one in cell or []] if known else [])
    hot = multi_hot(found, len(CLASSES))
    assert [set(np.flatnonzero(row) + 1) for row in hot] == [set(row) for row in found.lists().to_list()]


def people(**changes: Any) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=N), rng.normal(size=N)
    tags = [[t for t, there in (("big", a > 0.3), ("odd", b > 0)) if there] for a, b in zip(x + rng.normal(size=N), z, strict=True)]
    base = {"id": [f"p{i}" for i in range(N)], "x": x, "z": z, "y": x + z, "tags": lists_of(tags)}
    return pl.DataFrame({**base, **changes})


def spec_with(columns: tuple[str, ...] = ("x",), **more: Any) -> Spec:
    numeric = {name: {"kind": "numeric"} for name in columns}
    tasks = {
        "y": {"source": "people", "column": "y", "kind": "regression"},
        "tags": {"source": "people", "column": "tags", "kind": "multilabel", **more.pop("task", {})},
    }
    return spec_of(inputs={"facts": {"source": "people", "columns": numeric}}, tasks=tasks, **more)


def made(write: Write, frame: pl.DataFrame, spec: Spec) -> tuple[Encoded, pl.DataFrame]:
    folder = write(people=frame)
    split = split_entities(spec, folder)
    return encode(spec, folder, split), split


def aligned(done: Encoded, split: pl.DataFrame, tmp_path: Path) -> AlignedSet:
    write_encoded(tmp_path / "encoded", done.inputs, done.targets, done.golden, done.slices)
    align(tmp_path / "encoded", done.encodings, split, tmp_path / "aligned")
    return AlignedSet.read(tmp_path / "aligned" / "train")


def tags_of(rows: AlignedSet) -> list[list[int]]:
    return [sorted(one) for one in rows.lists["tags"].lists().to_list()]


def test_what_was_labelled_comes_back_row_by_row(write: Write, tmp_path: Path) -> None:
    missing = people().with_columns(tags=pl.when(pl.col("id").hash(1) % 5 > 0).then("tags"))
    done, split = made(write, missing, spec_with())
    train = aligned(done, split, tmp_path)
    asked = train.keys().join(missing.rename({"id": "key"}), on="key", how="left", maintain_order="left")["tags"].to_list()
    at = train.tasks.index("tags")
    assert done.encodings.tasks[at].classes == ("big", "odd")
    assert train.labelled[:, at].tolist() == [tags is not None for tags in asked]
    assert tags_of(train) == [sorted(("big", "odd").index(tag) + 1 for tag in tags or []) for tags in asked]
    assert not train.targets[:, at].any()
    truth = train.truth(done.encodings.tasks)["tags"]
    assert truth.shape == (train.rows, 2)
    assert truth.sum() == sum(len(tags or []) for tags in asked)


def test_some_rows_and_some_tasks_keep_their_lists(write: Write, tmp_path: Path) -> None:
    train = aligned(*made(write, people(), spec_with()), tmp_path)
    some = np.array([7, 3, 11])
    assert tags_of(rows_of(train, some)) == [tags_of(train)[row] for row in some]
    assert tags_of(train.at(slice(5, 9))) == tags_of(train)[5:9]
    assert set(of_tasks(train, ["tags"]).lists) == {"tags"}
    assert not of_tasks(train, ["y"]).lists


def test_without_lists_nothing_is_written_of_them(write: Write, tmp_path: Path) -> None:
    spec = spec_of(inputs={"facts": {"source": "people", "columns": {"x": {"kind": "numeric"}}}})
    train = aligned(*made(write, people(), spec), tmp_path)
    assert not train.lists
    assert not (tmp_path / "encoded" / LISTS).exists()
    assert "lists" not in (tmp_path / "aligned" / "train" / "index.json").read_text()


def test_a_class_that_train_does_not_have_makes_no_label(write: Write) -> None:
    spec = spec_with()
    folder = write(people=people())
    split = split_entities(spec, folder)
    valid = split.filter(pl.col("split") == "valid")["key"]
    new = people().with_columns(tags=pl.when(pl.col("id") == valid[0]).then(pl.lit(["big", "new"])).otherwise("tags"))
    done, _ = made(write, new, spec)
    assert done.encodings.tasks[1].classes == ("big", "odd")
    assert done.report["tasks"]["tags"]["unseen"] == 1
    assert done.report["tasks"]["tags"]["valid"] == len(valid) - 1


def test_named_classes_stay_in_their_order(write: Write) -> None:
    done, _ = made(write, people(), spec_with(task={"classes": ["odd", "none of these", "big"]}))
    assert done.encodings.tasks[1].classes == ("odd", "none of these", "big")


def test_lists_that_are_all_the_same_cannot_be_learned(write: Write) -> None:
    with pytest.raises(UnfitError, match="one value only"):
        made(write, people(tags=lists_of([["big"]] * N)), spec_with())


def test_a_column_that_gives_one_class_away_is_a_leak(write: Write) -> None:
    with pytest.raises(LeakError, match=r"columns\.z alone predicts task 'tags: odd'"):
        made(write, people(), spec_with(("x", "z")))
    done, _ = made(write, people(), spec_with(("x", "z"), encoding={"leak": {"on_leak": "drop"}}))
    assert [(leak["column"], leak["task"]) for leak in done.report["leaks"]] == [("z", "tags: odd")]


def test_columns_are_ranked_for_the_classes_too(write: Write) -> None:
    rng = np.random.default_rng(3)
    noise = {f"n{i}": rng.normal(size=N) for i in range(6)}
    x = people()["x"].to_numpy() + 0.5 * rng.normal(size=N)
    tags = [[tag for tag, edge in (("big", 0), ("huge", 1)) if value > edge] for value in x]
    frame = people(**noise, y=rng.normal(size=N), tags=lists_of(tags))
    done, _ = made(write, frame, spec_with((*noise, "x"), encoding={"select": 1}))
    assert [column.column for column in done.encodings.inputs["facts"].numeric] == ["x"]
