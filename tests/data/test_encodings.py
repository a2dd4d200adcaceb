from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.encodings import MISSING, UNKNOWN, CategoricalColumn, Encodings, NumericColumn, TabularEncoding, TaskEncoding

TASK = TaskEncoding("t", "t", "regression", "person", "people", "y", ("facts",), "r2", mean=3.0, std=2.0)
FACTS = TabularEncoding(
    "facts", "person", "people", (NumericColumn("x", "x", 1.0, 2.0),), (CategoricalColumn("c", "c", ("a", "b")),), {"z": "constant"}
)


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
