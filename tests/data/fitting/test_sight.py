"""A task whose labelled rows have none of its inputs is a join that found nothing, and never a silent pass."""

from __future__ import annotations

import polars as pl
import pytest

from mtl.data.encodings import TaskEncoding
from mtl.data.fitting.sight import drop_blind
from mtl.data.fitting.tasks import Target
from mtl.errors import UnfitError
from mtl.spec import Spec, parse_spec

SIDES = ["train", "train", "valid", "test"]


def spec_of(on_unfit: str) -> Spec:
    sections = {
        "name": "small",
        "entities": {"person": {"key": "id"}},
        "sources": {"people": {"path": "people.csv"}, "visits": {"path": "visits.csv"}},
        "inputs": {"facts": {"source": "people", "columns": {"x": {"kind": "numeric"}}}},
        "tasks": {"y": {"source": "visits", "column": "y", "kind": "regression"}},
        "encoding": {"on_unfit": on_unfit}, "model": {}, "training": {}, "evaluation": {}, "gate": {},
    }  # fmt: skip
    return parse_spec(sections)


def target() -> Target:
    task = TaskEncoding(
        name="y", of="y", kind="regression", entity="person", source="visits", column="y", inputs=("facts",), metric="r2", unit="",
        weight=1.0, tolerance=None, mean=0.0, std=1.0,
    )  # fmt: skip
    return Target(task, pl.DataFrame({"key": ["1", "2", "3", "4"], "split": SIDES, "label": [1.0, 2.0, 3.0, 4.0]}))


def facts(*keys: str, entity: str = "person") -> dict[str, pl.DataFrame]:
    return {"facts": pl.DataFrame({"entity": [entity] * len(keys), "key": keys, "x": [0.0] * len(keys)})}


def test_keys_that_never_meet_stop_the_run_and_are_shown() -> None:
    with pytest.raises(UnfitError) as error:
        drop_blind(spec_of("stop"), [target()], facts("001", "002"))
    said = str(error.value)
    assert all(word in said for word in ("'y'", "visits", "people", "'1'", "'001'"))


def test_or_leave_the_task_out_named() -> None:
    kept, dropped = drop_blind(spec_of("drop"), [target()], facts("001"))
    assert not kept
    assert list(dropped) == ["y"]


def test_one_row_that_meets_is_enough() -> None:
    kept, dropped = drop_blind(spec_of("stop"), [target()], facts("001", "2"))
    assert (len(kept), dropped) == (1, {})


def test_an_equal_key_of_another_entity_is_none_that_meets() -> None:
    """An input of two entities: what it has of the other one is no input of this task's rows."""
    sections = spec_of("stop").model_dump(exclude={"inputs"}) | {
        "entities": {"person": {"key": "id"}, "animal": {"key": "id"}},
        "sources": {"people": {"path": "p", "entity": "person"}, "pets": {"path": "q", "entity": "animal"},
                    "visits": {"path": "v", "entity": "person"}},
        "inputs": {"facts": {"kind": "text", "column": "x", "sources": ["people", "pets"]}},
    }  # fmt: skip
    spec, pets, people = parse_spec(sections), facts("2", entity="animal"), facts("2")
    assert drop_blind(spec, [target()], people)[1] == {}
    with pytest.raises(UnfitError, match="none in 'people'"):
        drop_blind(spec, [target()], pets)
