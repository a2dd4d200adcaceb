"""What is no prediction is refused, with the task, how many rows and the first one's key; what is only unusual is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.encodings import Encodings, TaskEncoding
from mtl.errors import ContractError
from mtl.registry.package import table
from mtl.serving.answers import answered, check_answers, outside
from mtl.spec import Spec
from tests.unit.serving.conftest import ENCODINGS


def task(kind: str, **more: Any) -> TaskEncoding:
    return TaskEncoding("it", "it", kind, "person", "visits", "it", ("facts",), "", **more)


TASKS = {
    "regression": task("regression"),
    "count": task("count"),
    "binary": task("binary", classes=("no", "yes")),
    "multiclass": task("multiclass", classes=("a", "b", "c")),
    "ordinal": task("ordinal", classes=("low", "fair", "high")),
    "multilabel": task("multilabel", classes=("a", "b", "c")),
    "quantile": task("quantile", levels=(0.05, 0.5, 0.95)),
}
GOOD: dict[str, Any] = {
    "regression": [-3.0, 0.0, 1e9], "count": [0.0, 2.5, 7.0], "binary": [0.0, 0.3, 1.0],
    "multiclass": [[0.2, 0.3, 0.5], [1, 0, 0], [0.3333, 0.3333, 0.3333]], "ordinal": [[0.2, 0.3, 0.5], [0, 0, 1], [1, 0, 0]],
    "multilabel": [[0, 0, 0], [1, 1, 1], [0.2, 0.9, 0.5]], "quantile": [[1, 2, 3], [-5, -5, -5], [1e6, 1e6 - 1e-3, 2e6]],
}  # fmt: skip
KEYS = pl.Series("key", ["p", "q\x1f7", "r"])


def check(kind: str, values: Any) -> None:
    predictions = {"it": np.asarray(values, np.float64)}
    check_answers([TASKS[kind]], predictions, table([TASKS[kind]], predictions), KEYS)


@pytest.mark.parametrize("kind", TASKS)
def test_what_is_a_prediction_passes_and_a_number_that_is_none_does_not(kind: str) -> None:
    check(kind, GOOD[kind])
    for broken in (np.nan, np.inf):
        values = np.array(GOOD[kind], np.float64)
        values[1] = broken
        with pytest.raises(
            ContractError, match=r"task 'it'[^$]*finite numbers[^$]*1 of 3 rows otherwise, the first with key 'q / 7'"
        ):
            check(kind, values)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "ordinal", "multilabel"])
def test_probabilities_are_between_0_and_1(kind: str) -> None:
    values = np.array(GOOD[kind], np.float64)
    values[2] = values[2] - 1.5
    with pytest.raises(ContractError, match="0 … 1"):
        check(kind, values)


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_those_of_classes_add_up_to_1(kind: str) -> None:
    with pytest.raises(ContractError, match="add up to 1"):
        check(kind, [[0.2, 0.3, 0.5], [0.2, 0.3, 0.4], [1, 0, 0]])


def test_quantiles_rise() -> None:
    with pytest.raises(ContractError, match=r"rise with their level[^$]*key 'r': 1, 3, 2"):
        check("quantile", [[1, 2, 3], [1, 1, 2], [1, 3, 2]])


def test_labels_and_tags_are_known_ones() -> None:
    predictions = {"it": np.asarray(GOOD["multiclass"], np.float64)}
    told = table([TASKS["multiclass"]], predictions).with_columns(it=pl.Series(["a", "b", "z"]))
    with pytest.raises(ContractError, match=r"one of a, b, c[^$]*key 'r'"):
        check_answers([TASKS["multiclass"]], predictions, told, KEYS)
    tagged = task("tagging", classes=("noun", "verb"))
    rows = {"it": tagged.tagged(np.array([1, 2, 1]), np.array([2, 0, 1]))}
    told = table([tagged], rows)
    assert told["it"].to_list() == [["noun", "verb"], [], ["noun"]]
    check_answers([tagged], rows, told, KEYS)
    with pytest.raises(ContractError, match="tags among noun, verb"):
        check_answers([tagged], rows, told.with_columns(it=pl.Series([["noun"], ["adverb"], []])), KEYS)


def test_a_spread_is_a_number_too() -> None:
    predictions = {"it": np.zeros(3)}
    for kind in ("regression", "binary"):
        told = table([TASKS[kind]], predictions, {"it": np.array([0.1, 0.2, 0.3])})
        check_answers([TASKS[kind]], predictions, told, KEYS)
        for broken in (np.nan, np.inf):
            told = table([TASKS[kind]], predictions, {"it": np.array([0.1, 0.2, broken])})
            with pytest.raises(ContractError, match=r"column 'it_spread'[^$]*finite numbers[^$]*1 of 3 rows[^$]*'r': (nan|inf)"):
                check_answers([TASKS[kind]], predictions, told, KEYS)


def test_every_row_has_one() -> None:
    predictions = {"it": np.zeros(3)}
    told = table([TASKS["binary"]], predictions)
    with pytest.raises(ContractError, match="2"):
        check_answers([TASKS["binary"]], predictions, told.head(2), KEYS)
    with pytest.raises(ContractError, match=r"column 'it'[^$]*a value in every row"):
        check_answers([TASKS["binary"]], predictions, told.with_columns(it=pl.Series([0.0, None, 0.0])), KEYS)


def test_numbers_beyond_the_bounds_of_the_spec_are_counted(spec: Spec) -> None:
    height, asthma, _ = ENCODINGS.tasks
    predictions = {"height": np.array([99.0, 100.0, 250.0, 251.0]), "asthma": np.array([0.0, 0, 0, 7])}
    assert outside(spec, [height, asthma], predictions) == {"height": 2}
    assert outside(spec.model_copy(update={"tasks": {}}), [height], predictions) == {}


def test_a_task_is_predicted_where_an_entity_has_one_of_its_inputs() -> None:
    other = {"notes": ENCODINGS.inputs["facts"].__class__("notes", {"letter": "letters"}, (), ())}
    of_letters = TaskEncoding("tone", "tone", "binary", "letter", "letters", "tone", ("notes",), "auc")
    both = TaskEncoding("age", "age", "regression", "letter", "letters", "age", ("notes", "facts"), "r2")
    whole = Encodings({**ENCODINGS.inputs, **other}, (*ENCODINGS.tasks, of_letters, both))
    assert [one.name for one in answered(whole, "person")] == ["height", "asthma", "team", "age"]
    assert [one.name for one in answered(whole, "letter")] == ["tone", "age"]
    assert answered(whole, "planet") == []
