"""What the models of the spec answer once they are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mtl.spec import METRICS, Task, label_text


@given(st.integers(-(10**9), 10**9))
def test_a_whole_number_is_one_label_however_it_is_typed(n: int) -> None:
    assert label_text(n) == label_text(float(n)) == str(n)


def test_truth_is_spelled_as_yaml_does() -> None:
    assert (label_text(True), label_text(False)) == ("true", "false")


@pytest.mark.parametrize("kind", list(METRICS))
def test_the_headline_is_the_first_metric_of_the_kind_unless_said(kind: str) -> None:
    classes = {"classes": ("a", "b")} if kind in ("ordinal", "multiclass") else {"scheme": "bio"} if kind == "tagging" else {}
    assert Task(source="s", column="c", kind=kind, **classes).headline == METRICS[kind][0]
    assert Task(source="s", column="c", kind=kind, metric=METRICS[kind][1], **classes).headline == METRICS[kind][1]


def test_a_task_sees_every_input_of_its_entity_in_the_order_of_the_spec(changed) -> None:
    more = "  body:\n    source: people\n    columns: {size: {}}\n  other:"
    spec = changed("  body:", more)
    assert spec.inputs_of("sick") == ("body", "other")
    assert spec.entity_of("labs") == "person"
    assert spec.sources_of("person") == ["people", "labs"]


def test_the_spec_is_frozen(changed) -> None:
    with pytest.raises(ValidationError):
        changed().model.width = 3


def test_negative_without_positive_is_refused() -> None:
    """It was passed over, and `negative: 1` learned the labels upside down."""
    with pytest.raises(ValidationError, match="found negative '1' alone"):
        Task(source="s", column="c", kind="binary", negative="1")


def test_a_task_for_each_value_of_its_own_target_is_refused() -> None:
    with pytest.raises(ValidationError, match="found 'c' for both"):
        Task(source="s", column="c", kind="binary", positive="1", for_each={"column": "c"})
