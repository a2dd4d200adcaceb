from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.codes import MISSING, UNKNOWN
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import CategoricalColumn, NumericColumn, TabularEncoding

TASK = TaskEncoding("t", "t", "regression", "person", "people", "y", ("facts",), "r2", mean=3.0, std=2.0)
NUMERIC, CATEGORICAL = NumericColumn("x", "x", 1.0, 2.0), CategoricalColumn("c", "c", ("a", "b"))
FACTS = TabularEncoding("facts", {"person": "people"}, (NUMERIC,), (CATEGORICAL,), {"z": "constant"})


def test_missing_and_unknown_have_codes_of_their_own() -> None:
    arrays = FACTS.apply(pl.DataFrame({"x": [5.0, None, None], "c": ["b", "new", None]}))
    assert arrays["numeric"].tolist() == [[2.0], [0.0], [0.0]]
    assert arrays["missing"].tolist() == [[False], [True], [True]]
    assert arrays["categorical"].tolist() == [[3], [UNKNOWN], [MISSING]]
    assert arrays["present"].tolist() == [True, True, False]


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_regression_goes_there_and_back(values: list[float | None]) -> None:
    codes, labelled = TASK.encode(pl.Series(values, dtype=pl.Float64))
    assert labelled.tolist() == [v is not None for v in values]
    back = TASK.original(codes)
    expected = np.array([v if v is not None else TASK.mean for v in values])
    np.testing.assert_allclose(back, expected, rtol=1e-6, atol=1e-5)


def test_labels_outside_the_classes_are_not_labels() -> None:
    task = TaskEncoding("t", "t", "multiclass", "person", "people", "y", (), "accuracy", classes=("lo", "hi"))
    codes, labelled = task.encode(pl.Series(["hi", "lo", "other", None]))
    assert codes[:2].tolist() == [1, 0]
    assert labelled.tolist() == [True, True, False, False]


def test_a_binary_task_without_a_negative_counts_every_other_value_as_one() -> None:
    task = TaskEncoding("t", "t", "binary", "person", "people", "y", (), "auc", classes=("", "yes"))
    codes, labelled = task.encode(pl.Series(["yes", "no", "never", None]))
    assert codes.tolist() == [1, 0, 0, 0]
    assert labelled.tolist() == [True, True, True, False]


def test_written_and_read_they_are_the_same(tmp_path: Path) -> None:
    encodings = Encodings({"facts": FACTS}, (TASK,), {"gone": "no label in test"})
    encodings.write(tmp_path)
    assert Encodings.read(tmp_path) == encodings


def test_a_champion_of_the_time_when_an_input_had_one_source_can_still_be_read() -> None:
    encodings = Encodings({"facts": FACTS}, (TASK,))
    said = encodings.as_dict()
    said["inputs"]["facts"] |= dict(zip(("entity", "source"), *said["inputs"]["facts"].pop("sources").items(), strict=True))
    assert Encodings.parse(said) == encodings


def test_bins_come_back_to_the_bit(tmp_path: Path) -> None:
    binned = replace(FACTS, numeric=(replace(FACTS.numeric[0], bins=(0.1, 1 / 3, 7.0)),))
    Encodings({"facts": binned}, (TASK,)).write(tmp_path / "new")
    assert Encodings.read(tmp_path / "new").inputs["facts"] == binned


def test_an_edge_is_scaled_as_the_value_that_it_was() -> None:
    column = NumericColumn("x", "x", 12.3456789, 7.654321, bins=(0.1, 1 / 3, 80.0))
    one = replace(FACTS, numeric=(column,))
    arrays = one.apply(pl.DataFrame({"x": list(column.bins), "c": ["a"] * 3}))
    assert arrays["numeric"][:, 0].tolist() == list(column.edges)
