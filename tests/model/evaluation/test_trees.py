"""Boosted trees: they see what the task may see, in any shape of small or odd data, the same each time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.ragged import Ragged
from mtl.errors import DataError
from mtl.evaluation.predictions import read_predictions, write_predictions
from mtl.evaluation.rivals import fit_rivals
from mtl.evaluation.trees import table_of

Array = np.ndarray[Any, Any]


def an_input(random: np.random.Generator, rows: int, codes: int = 5) -> dict[str, Array]:
    numeric = random.normal(size=(rows, 3)).astype(np.float32)
    missing = random.random((rows, 3)) < 0.1
    numeric[missing] = 0
    categorical = random.integers(0, codes, (rows, 1)).astype(np.int32)
    return {"numeric": numeric, "missing": missing, "categorical": categorical, "present": np.ones(rows, np.bool_)}


def a_set(random: np.random.Generator, rows: int, tasks: list[Any], codes: int = 5, share: float = 0.8) -> AlignedSet:
    """Targets follow the first numeric column of input `one` (and class numbers cut it)."""
    inputs = {"one": an_input(random, rows, codes), "two": an_input(random, rows)}
    signal = inputs["one"]["numeric"][:, 0] + 0.3 * random.normal(size=rows)
    cut = np.digitize(signal, [-0.5, 0.5])
    columns = {"regression": signal, "binary": signal > 0.4, "multiclass": cut, "ordinal": cut}
    targets = np.stack([columns[t.kind].astype(np.float32) for t in tasks], axis=1)
    labelled = random.random(targets.shape) < share
    return AlignedSet(inputs, np.where(labelled, targets, 0).astype(np.float32), labelled, tuple(t.name for t in tasks))


@pytest.fixture
def tasks(make_task: Any) -> list[Any]:
    kinds = ("regression", "binary", "multiclass", "ordinal")
    return [
        make_task(kind, kind, inputs=("one",), **({"mean": 50.0, "std": 10.0} if kind == "regression" else {})) for kind in kinds
    ]


def fitted(tasks: list[Any], rows: int = 400, seed: int = 0, **more: Any) -> tuple[dict[str, Array], AlignedSet]:
    random = np.random.default_rng(seed)
    train, valid, test = (a_set(random, n, tasks, **more) for n in (rows, rows // 4 + 1, 200))
    return fit_rivals(Encodings({}, tuple(tasks)), train, valid, test), test


def test_they_learn_each_kind_in_its_own_unit(tasks: list[Any]) -> None:
    predictions, test = fitted(tasks)
    truth = test.truth(tasks)
    assert np.corrcoef(truth["regression"], predictions["regression"])[0, 1] > 0.5
    assert 40 < predictions["regression"].mean() < 60
    assert predictions["binary"].shape == (200,)
    for kind in ("multiclass", "ordinal"):
        assert predictions[kind].shape == (200, 3)
        np.testing.assert_allclose(predictions[kind].sum(axis=1), 1)
        assert (predictions[kind].argmax(axis=1) == truth[kind]).mean() > 0.55


def of_labels(one: AlignedSet, task: Any) -> AlignedSet:
    """The last task's class k as the labels 1 … k: of the first few classes."""
    lengths = (one.targets[:, -1] * one.labelled[:, -1]).astype(np.int64)
    numbers = np.concatenate([np.arange(1, k + 1, dtype=np.int32) for k in lengths])
    return replace(one, tasks=(*one.tasks[:-1], task.name), lists={task.name: Ragged.of_lengths(numbers, lengths)})


@pytest.mark.parametrize("rows", [1, 30, 400])
def test_several_labels_are_a_forest_a_class(tasks: list[Any], make_task: Any, rows: int) -> None:
    """Each what a binary task of this class gets; one that nobody has is never predicted."""
    several, classes = make_task("several", "multilabel", inputs=("one",), classes=("a", "b", "never")), tasks[2]
    random = np.random.default_rng(4)
    plain = [a_set(random, n, [classes]) for n in (rows, rows // 4 + 1, 200)]
    sides = [of_labels(one, several) for one in plain]
    found = fit_rivals(Encodings({}, (several,)), *sides)["several"]
    assert found.shape == (200, 3)
    assert not found[:, 2].any()
    for c in (0, 1):
        binary = [replace(one, targets=(one.targets > c).astype(np.float32)) for one in plain]
        expected = fit_rivals(Encodings({}, (replace(classes, kind="binary", classes=("no", "yes")),)), *binary)
        np.testing.assert_array_equal(found[:, c], expected[classes.name])


def test_the_same_again(tasks: list[Any]) -> None:
    tasks = tasks[:2]
    one, other = fitted(tasks)[0], fitted(tasks)[0]
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def test_a_hidden_input_changes_nothing(tasks: list[Any]) -> None:
    tasks = tasks[:2]
    random = np.random.default_rng(1)
    sets = [a_set(random, n, tasks) for n in (200, 50, 80)]
    encodings = Encodings({}, tuple(tasks))
    before = fit_rivals(encodings, *sets)
    for one in sets:
        one.inputs["two"] = an_input(random, one.rows)
    after = fit_rivals(encodings, *sets)
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])
    for one in sets:
        one.inputs["one"] = an_input(random, one.rows)
    assert not np.array_equal(fit_rivals(encodings, *sets)["regression"], before["regression"])


def test_test_labels_are_never_read(tasks: list[Any]) -> None:
    tasks = tasks[:2]
    random = np.random.default_rng(2)
    train, valid, test = (a_set(random, n, tasks) for n in (200, 50, 80))
    encodings = Encodings({}, tuple(tasks))
    before = fit_rivals(encodings, train, valid, test)
    test.targets[:] = 1
    test.labelled[:] = False
    after = fit_rivals(encodings, train, valid, test)
    for name, values in before.items():
        np.testing.assert_array_equal(values, after[name])


@pytest.mark.parametrize("rows", [1, 4, 20, 60])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_small_data_never_crash(tasks: list[Any], rows: int, share: float) -> None:
    predictions, _ = fitted(tasks, rows=rows, seed=rows, share=share)
    for values in predictions.values():
        assert np.isfinite(values).all()


def test_forty_rows_are_enough_to_split(tasks: list[Any]) -> None:
    predictions, _ = fitted(tasks, rows=30, share=1.0)
    assert len(np.unique(predictions["regression"])) > 2


def test_a_class_never_seen_gets_no_probability(make_task: Any) -> None:
    task = make_task("multiclass", "multiclass", inputs=("one",), classes=("a", "b", "c", "never"))
    predictions, _ = fitted([task])
    np.testing.assert_array_equal(predictions["multiclass"][:, 3], 0)
    alone = make_task("binary", "binary", inputs=("one",))
    random = np.random.default_rng(3)
    train, valid, test = (a_set(random, n, [alone]) for n in (50, 20, 30))
    train.targets[:] = 1
    valid.targets[:] = 1
    np.testing.assert_array_equal(fit_rivals(Encodings({}, (alone,)), train, valid, test)["binary"], 1)


def test_a_column_of_more_than_255_codes(tasks: list[Any]) -> None:
    predictions, _ = fitted(tasks, rows=2000, codes=900)
    assert all(np.isfinite(v).all() for v in predictions.values())


def test_codes_are_ranked_by_how_often_they_occur() -> None:
    fit = np.repeat(np.arange(1, 301), np.arange(1, 301)).astype(np.int32)[:, None]
    none = np.zeros((len(fit), 0))

    def arrays(codes: Array) -> dict[str, dict[str, Array]]:
        return {"one": {"numeric": none[: len(codes)], "missing": none[: len(codes)], "categorical": codes}}

    table = table_of(("one",), [arrays(fit)], arrays(np.array([[300], [47], [46], [0], [999]], np.int32)))
    np.testing.assert_array_equal(table.test[:, 0], [0, 253, 254, np.nan, np.nan])
    assert len(np.unique(table.fit)) == 255
    assert table.categorical.tolist() == [True]


def test_missing_values_come_back(tasks: list[Any]) -> None:
    arrays = a_set(np.random.default_rng(4), 100, tasks).inputs
    table = table_of(("one", "two"), [arrays], arrays)
    np.testing.assert_array_equal(np.isnan(table.fit[:, :3]), arrays["one"]["missing"])
    np.testing.assert_array_equal(np.isnan(table.fit[:, 7]), arrays["two"]["categorical"][:, 0] == 0)
    assert table.categorical.tolist() == [False] * 3 + [True] + [False] * 3 + [True]


def test_progress_names_each_task(tasks: list[Any]) -> None:
    done: list[str] = []
    random = np.random.default_rng(5)
    fit_rivals(Encodings({}, tuple(tasks)), *(a_set(random, 40, tasks) for _ in range(3)), progress=done.append)
    assert done == [t.name for t in tasks]


def test_predictions_come_back_from_disk_as_they_were(tasks: list[Any], tmp_path: Path) -> None:
    predictions, _ = fitted(tasks, rows=60)
    path = tmp_path / "trees" / "p.parquet"
    write_predictions(path, tasks, predictions)
    first = path.read_bytes()
    for name, values in read_predictions(path, tasks).items():
        np.testing.assert_array_equal(values, predictions[name])
    write_predictions(path, tasks, predictions)
    assert path.read_bytes() == first


def test_a_file_of_other_tasks_is_named(tasks: list[Any], tmp_path: Path, make_task: Any) -> None:
    with pytest.raises(DataError, match="expected: a file"):
        read_predictions(tmp_path / "none.parquet", tasks)
    write_predictions(tmp_path / "p.parquet", tasks[:1], {"regression": np.zeros(3)})
    with pytest.raises(DataError, match="the column other"):
        read_predictions(tmp_path / "p.parquet", [make_task("other")])
