"""What the losses know of train: dispersion of counts, weights of classes; and that only train says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import mean_poisson_deviance
from sklearn.utils.class_weight import compute_class_weight

from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.fitting.losses import dispersion_of
from mtl.data.fitting.tasks import fit_tasks
from mtl.errors import SpecError, UnfitError
from tests.data.conftest import spec_of


def fitted(labels: dict[str, list[Any]], values: dict[str, list[str]] | None = None, **task: Any) -> list[TaskEncoding]:
    """The tasks made of one of the spec, from the labels of each split (and for_each's value of each)."""
    spec = spec_of(tasks={"y": {"source": "people", "column": "y", **task}}, encoding={"min_labels": 2})
    frames = [
        pl.DataFrame({"split": [side] * len(of), "label": of, "value": (values or {}).get(side, [None] * len(of))}, strict=False)
        for side, of in labels.items()
    ]
    rows = pl.concat([f.cast({"value": pl.String, "label": pl.Float64 if _are_numbers(labels) else pl.String}) for f in frames])
    return [target.task for target in fit_tasks(spec, {"y": rows.with_row_index("key")})[0]]


def _are_numbers(labels: dict[str, list[Any]]) -> bool:
    return isinstance(labels["train"][0], int | float)


@pytest.mark.parametrize("counts", [[0, 0, 1], [5, 3, 0, 8, 2], [1000, 1001, 999]])
def test_a_counts_dispersion_is_the_deviance_of_trains_mean(counts: list[int]) -> None:
    (task,) = fitted({"train": counts, "valid": [3], "test": [70]}, kind="count")
    mean = [np.mean(counts)] * len(counts)
    assert task.dispersion == pytest.approx(mean_poisson_deviance(counts, mean), rel=1e-9)
    assert (task.mean, task.std, task.parts) == (0.0, 1.0, ())
    values, labelled = task.encode(pl.Series([0.0, 17.0, None]))
    assert values.tolist() == [0, 17, 0]
    assert labelled.tolist() == [True, True, False]


def test_counts_that_do_not_scatter_have_a_dispersion_to_divide_by() -> None:
    assert dispersion_of(np.zeros(4)) == 1
    assert dispersion_of(np.full(4, 3.0)) == 1
    with pytest.raises(UnfitError, match="cannot be learned"):
        fitted({"train": [3, 3, 3], "valid": [3], "test": [1]}, kind="count")


def test_a_quantile_task_is_scaled_as_a_regression_is() -> None:
    (task,) = fitted({"train": [1.0, 3], "valid": [5.0], "test": [9.0]}, kind="quantile", levels=[0.25, 0.5])
    assert (task.mean, task.std, task.levels, task.parts) == (2, 1, (0.25, 0.5), ("q0.25", "q0.5"))
    np.testing.assert_allclose(task.original(np.array([[-1.0, 2]])), [[1, 4]])


def test_balanced_weights_are_scikit_learns_of_trains_labels() -> None:
    labels = ["a"] * 6 + ["b"] * 3 + ["c"]
    (task,) = fitted({"train": labels, "valid": ["c"] * 50, "test": ["a"]}, kind="multiclass", class_weights="balanced")
    expected = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=np.array(labels))
    np.testing.assert_allclose(task.class_weights, expected)


def test_a_class_that_train_never_shows_weighs_1() -> None:
    asked = {"kind": "ordinal", "classes": ["low", "mid", "high"], "class_weights": "balanced"}
    (task,) = fitted({"train": ["low", "low", "low", "high"], "valid": ["mid"], "test": ["mid"]}, **asked)
    np.testing.assert_allclose(task.class_weights, [4 / 6, 1, 2])


@pytest.mark.parametrize(
    ("asked", "labels", "expected"),
    [
        ({"class_weights": {"1": 5}}, ["0", "1"], (1, 5)),
        ({"class_weights": {"yes": 5, "no": 2}}, ["0", "1"], (2, 5)),
        ({"class_weights": {"1": 5}}, ["no", "yes"], (1, 5)),
        ({"class_weights": {"ill": 5}, "positive": "ill"}, ["well", "ill"], (1, 5)),
        ({"class_weights": {"well": 5}, "positive": "ill", "negative": "well"}, ["well", "ill"], (5, 1)),
        ({"class_weights": "balanced", "positive": "ill"}, ["well", "odd", "odd", "ill"], (4 / 6, 2)),
    ],
)
def test_a_binary_tasks_labels_are_weighed_by_name(asked: dict[str, Any], labels: list[str], expected: tuple[float, ...]) -> None:
    (task,) = fitted({"train": labels, "valid": labels, "test": labels}, kind="binary", **asked)
    assert task.class_weights == pytest.approx(expected)


def test_a_label_that_nobody_has_is_named() -> None:
    with pytest.raises(SpecError, match=r"tasks\.y\.class_weights: 'd'"):
        fitted({"train": ["a", "b"], "valid": ["b"], "test": ["a"]}, kind="multiclass", class_weights={"a": 2, "d": 3})
    (task,) = fitted({"train": ["a", "b"], "valid": ["b", "d"], "test": ["a"]}, kind="multiclass", class_weights={"a": 2, "d": 3})
    assert task.class_weights == (2, 1)


def test_each_task_of_for_each_is_balanced_by_its_own_labels() -> None:
    labels = {side: ["0", "1", "0", "0", "0", "1"] for side in ("train", "valid", "test")}
    values = {side: ["p", "p", "q", "q", "q", "q"] for side in labels}
    tasks = fitted(labels, values, kind="binary", class_weights="balanced", focal=2, for_each={"column": "school"})
    np.testing.assert_allclose([task.class_weights for task in tasks], [(1, 1), (4 / 6, 2)])
    assert [task.focal for task in tasks] == [2, 2]


def test_a_default_task_is_fitted_without_any_of_it_and_all_of_it_survives_the_disk(tmp_path: Any) -> None:
    (plain,) = fitted({"train": ["a", "b"], "valid": ["b"], "test": ["a"]}, kind="multiclass")
    assert (plain.class_weights, plain.focal, plain.levels) == ((), 0.0, ())
    (rare,) = fitted({"train": ["a", "b"], "valid": ["b"], "test": ["a"]}, kind="multiclass", class_weights={"a": 2}, focal=1.5)
    (levels,) = fitted({"train": [1, 2], "valid": [1], "test": [1]}, kind="quantile")
    (count,) = fitted({"train": [1, 2], "valid": [1], "test": [1]}, kind="count", distribution="negative_binomial")
    whole = Encodings({}, (plain, rare, levels, count))
    whole.write(tmp_path)
    assert Encodings.read(tmp_path) == whole
