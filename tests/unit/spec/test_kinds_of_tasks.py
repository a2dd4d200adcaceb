"""What tasks of several labels and of identities may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mtl.spec import LISTS, METRICS, OF_CLASSES
from mtl.spec.tasks import SIZE, TEMPERATURE, Task


def a_task(kind: str, **more: Any) -> Task:
    return Task.model_validate({"source": "people", "column": "y", "kind": kind, **more})


def test_they_have_their_defaults() -> None:
    assert a_task("multilabel").headline == "map"
    assert a_task("retrieval").headline == "recall_at_10"
    assert a_task("retrieval").points == (SIZE, TEMPERATURE)
    assert a_task("retrieval", size=16, temperature=0.3).points == (16, 0.3)
    assert a_task("regression").points == (0, 1.0)
    assert set(LISTS) | set(OF_CLASSES) <= set(METRICS)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("multiclass", "separator", ","), ("multilabel", "separator", ""), ("multilabel", "classes", ["one"]),
        ("multilabel", "classes", ["a", "a"]), ("multilabel", "min", 0), ("multilabel", "class_weights", "balanced"),
        ("multilabel", "metric", "auc"), ("retrieval", "classes", ["a", "b"]), ("retrieval", "size", 1),
        ("retrieval", "temperature", 0), ("multiclass", "size", 8), ("binary", "temperature", 0.1),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_kind_is_refused_by_name(kind: str, key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        a_task(kind, **{key: value})
