"""Every name that one part of the spec says of another must lead somewhere."""

from __future__ import annotations

import pytest

WRONG = [
    ("path: labs.csv", "path: labs.csv, entity: persn", 6, "sources.labs.entity", "an entity", "'persn'", "write 'person'"),
    ("source: people", "source: poeple", 9, "inputs.body.source", "a source", "'poeple'", "write 'people'"),
    ("source: labs, column: sick", "source: lab, column: sick", 14, "tasks.sick.source", "a source", "'lab'", "write 'labs'"),
    ("kind: binary", "kind: binary, inputs: [bdy]", 14, "tasks.sick.inputs", "an input", "'bdy'", "write 'body'"),
    ("kind: binary", "kind: binary, inputs: [zz]", 14, "tasks.sick.inputs", "an input", "'zz'", "write one of body"),
    ("gate: {}", "gate: {floors: {sik: 0.5}}", 20, "gate.floors.sik", "a task", "'sik'", "write 'sick'"),
    (
        "gate: {}",
        "gate: {}\noperations: {services: {watch: {lab: 9}}}",
        21,
        "operations.services.watch.lab",
        "a source",
        "'lab'",
        "'labs'",
    ),
    ("gate: {}", "gate: {slices: {sik: {age: 0.5}}}", 20, "gate.slices.sik", "a task", "'sik'", "write 'sick'"),
    ("gate: {}", "gate: {slices: {sick: {age=18-40: 0.5}}}", 20, "gate.slices.sick.age=18-40", "COLUMN", "none", "add 'age'"),
    ("source: labs, column: sick", "source: people, column: age", 11, "inputs.body.columns.age", "'sick'", "the target", "remove"),
]


@pytest.mark.parametrize(("old", "new", "line", "key", "expected", "found", "do"), WRONG)
def test_a_name_that_leads_nowhere_is_named_with_the_nearest(told, old, new, line, key, expected, found, do) -> None:
    assert told(old, new, key, expected, found, do).what.endswith(f"line {line}, {key}")


def test_a_query_is_not_looked_at_but_polled(refused) -> None:
    error = refused(
        "  labs: {path: labs.csv}\n",
        "  labs: {path: labs.json, url: 'sqlite:///x.db', query: SELECT 1}\noperations: {services: {watch: {labs: 5}}}\n",
    )
    assert error.what.endswith("operations.services.watch.labs")
    assert "schedule" in error.do


@pytest.mark.parametrize("part", ["entities", "sources", "tasks"])
def test_an_empty_part_is_refused(refused, part) -> None:
    below = {"entities": "  person: {key: id}", "sources": "  people: {path: people.csv}\n  labs: {path: labs.csv}"}
    tasks = "  sick: {source: labs, column: sick, kind: binary}\n  weight: {source: labs, column: weight, kind: regression}"
    error = refused(f"{part}:\n{below.get(part, tasks)}", f"{part}: {{}}")

    assert error.what.endswith(f", {part}")
    assert error.found == "none"


def test_with_several_entities_each_source_must_say_whose_it_is(refused) -> None:
    error = refused("  person: {key: id}", "  person: {key: id}\n  house: {key: id}")

    assert error.what.endswith("sources.people.entity")
    assert "several" in error.expected


def test_a_task_cannot_see_inputs_of_another_entity(refused, changed) -> None:
    house = "  person: {key: id}\n  house: {key: id}\nsources:\n  people: {path: people.csv, entity: house}"
    error = refused(
        "  person: {key: id}\nsources:\n  people: {path: people.csv}\n  labs: {path: labs.csv}",
        house + "\n  labs: {path: labs.csv, entity: person}",
    )

    assert error.what.endswith("tasks.sick.inputs") or error.what.endswith("tasks.sick")
    assert "an input of the entity 'person'" in error.expected


def test_floors_of_tasks_that_data_will_name_are_left_alone(changed) -> None:
    spec = changed("kind: binary}", "kind: binary, for_each: {column: school}}")
    assert spec.tasks["sick"].for_each.column == "school"
