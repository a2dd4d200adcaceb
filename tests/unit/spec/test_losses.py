"""What a task may say of its loss: which key goes with which kind, and with which labels."""

from __future__ import annotations

import pytest

from mtl.spec import label_text
from mtl.spec.tasks import Task

WRONG = [
    # of the task, key, expected, found
    ("kind: count, min: -1", "tasks.sick", "min of a count at least 0", "-1"),
    ("kind: count, levels: [0.5, 0.9]", "tasks.sick", "levels with quantile only", "count"),
    ("kind: count, distribution: normal", "tasks.sick.distribution", "'poisson' or 'negative_binomial'", "'normal'"),
    ("kind: regression, distribution: poisson", "tasks.sick", "distribution with count only", "regression"),
    ("kind: count, metric: auc", "tasks.sick", "metric of a count task: one of d2", "'auc'"),
    ("kind: quantile, levels: [0.1, 0.9]", "tasks.sick.levels", "0.5 among them", "0.1, 0.9"),
    ("kind: quantile, levels: [0.5]", "tasks.sick.levels", "at least two levels", "0.5"),
    ("kind: quantile, levels: [0.5, 0.1]", "tasks.sick.levels", "levels that rise", "0.5, 0.1"),
    ("kind: quantile, levels: [0.1, 0.5, 0.5]", "tasks.sick.levels", "each once", "0.1, 0.5, 0.5"),
    ("kind: quantile, levels: [0, 0.5]", "tasks.sick.levels", "between 0 and 1, both excluded", "0, 0.5"),
    ("kind: regression, class_weights: balanced", "tasks.sick", "class_weights with binary, multiclass, ordinal", "regression"),
    ("kind: ordinal, classes: [a, b], focal: 2", "tasks.sick", "focal with binary, multiclass only", "ordinal"),
    ("kind: binary, focal: 0", "tasks.sick.focal", "greater than 0", "0"),
    ("kind: binary, class_weights: balance", "tasks.sick.class_weights", "`balanced`, or a weight for each label", "'balance'"),
    ("kind: binary, class_weights: {}", "tasks.sick.class_weights", "`balanced`, or a weight for each label", "{}"),
    ("kind: binary, class_weights: {1: 0}", "tasks.sick.class_weights", "weights above 0", "'1': 0"),
    ("kind: binary, class_weights: {1: .inf}", "tasks.sick.class_weights", "weights above 0", "inf"),
    ("kind: binary, class_weights: {ill: 2}", "tasks.sick", "class_weights of its labels (0, 1", "'ill'"),
    ("kind: binary, positive: ill, class_weights: {well: 2}", "tasks.sick", "its labels (ill)", "'well'"),
    ("kind: multiclass, classes: [a, b], class_weights: {a: 1, c: 2}", "tasks.sick", "its labels (a, b)", "'c'"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "key", "expected", "found"), WRONG)
def test_what_does_not_fit_is_refused(told, task, key, expected, found) -> None:
    told("kind: binary", task, key, expected, found, "")


def test_what_is_left_out_has_its_default(changed) -> None:
    task = changed("kind: binary", "kind: quantile").tasks["sick"]
    assert (task.quantiles, task.headline) == ((0.05, 0.5, 0.95), "pinball")
    task = changed("kind: binary", "kind: quantile, levels: [0.5, 0.99]").tasks["sick"]
    assert task.quantiles == (0.5, 0.99)
    task = changed("kind: binary", "kind: count, max: 30, unit: visits").tasks["sick"]
    assert (task.quantiles, task.headline, task.distribution) == ((), "d2", None)
    task = changed().tasks["sick"]
    assert (task.class_weights, task.focal) == (None, None)


@pytest.mark.parametrize("label", ["true", "True", "1", "1.0", '"1"'])
def test_weighed_labels_are_texts_however_yaml_types_them(changed, label) -> None:
    """True, 1.0 and 1 as the data spell them: `true` and `1`."""
    task = changed("kind: binary", f"kind: binary, class_weights: {{{label}: 3}}").tasks["sick"]
    assert task.class_weights == {"true" if label.lower() == "true" else "1": 3.0}


@pytest.mark.parametrize("label", [True, 1, 1.0])
def test_weighed_labels_of_a_task_made_in_python_are_texts_too(label: object) -> None:
    said = {"source": "t", "column": "y", "kind": "multiclass", "classes": [label, "maybe"], "class_weights": {label: 5}}
    task = Task.model_validate(said)
    assert task.class_weights == {label_text(label): 5.0}
    assert label_text(label) in (task.classes or ())
