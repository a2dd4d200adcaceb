"""Reading params.yaml: YAML 1.2, and errors that name line, key, what was expected and found, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.errors import SpecError
from mtl.spec import parse_spec, place, read_spec
from mtl.spec.read import _load

WRONG = [
    # old, new, line, key, expected, found, to do
    ("kind: binary", "knd: binary", 14, "tasks.sick.knd", "a key of the spec", "'knd'", "write 'kind'"),
    ("gate: {}", "gate: {tolerence: 0.1}", 20, "gate.tolerence", "a key of the spec", "'tolerence'", "write 'tolerance'"),
    ("\ntasks:", "\ntask:", 13, "task", "a key of the spec", "'task'", "write 'tasks'"),
    ("key: id", "key: id, spilt: {}", 3, "entities.person.spilt", "a key of the spec", "'spilt'", "write 'split'"),
    ("min: 0", "mn: 0", 11, "inputs.body.columns.age.mn", "a key of the spec", "'mn'", "write 'min'"),
    ("kind: binary", "kind: binray", 14, "tasks.sick.kind", "'binary'", "'binray'", "write 'binary'"),
    ("gate: {}", "gate: {no_worse_than: [champ]}", 20, "gate.no_worse_than.0", "'champion'", "'champ'", "write 'champion'"),
    ("lr: 1e-3", "lr: fast", 18, "training.lr", "a number", "'fast'", "change"),
    ("lr: 1e-3", "lr: -1", 18, "training.lr", "greater than 0", "-1", "change"),
    ("lr: 1e-3", "lr: .inf", 18, "training.lr", "neither infinite nor NaN", "inf", "change"),
    ("lr: 1e-3", "max_epochs: 1.5", 18, "training.max_epochs", "a whole number", "1.5", "change"),
    ("lr: 1e-3", "max_epochs: 0", 18, "training.max_epochs", "greater than or equal to 1", "0", "change"),
    ("gate: {}", "gate: {confidence: 95}", 20, "gate.confidence", "less than 1", "95", "change"),
    ("min: 0", "min: abc", 11, "inputs.body.columns.age.min", "a number", "'abc'", "change"),
    ("min: 0", "min: .nan", 11, "inputs.body.columns.age.min", "neither infinite nor NaN", "nan", "change"),
    ("min: 0", "min: 5, max: 1", 11, "inputs.body.columns.age", "min ≤ max", "min 5, max 1", "change"),
    ("column: sick", "column: 5", 14, "tasks.sick.column", "text", "5", 'quotes: "5"'),
    ("\n  sick:", "\n  1sick:", 14, "tasks.1sick", "letters, digits and underscores", "'1sick'", "change"),
    ("sex: {kind: categorical}", "sex:", 12, "inputs.body.columns.sex", "{} for the defaults", "nothing", "change"),
    ("model: {}", "model:", 17, "model", "{} for the defaults", "nothing", "change"),
    ("key: id", "key: []", 3, "entities.person.key", "at least 1 key column", "0", "change"),
    ("key: id", "key: [id, id]", 3, "entities.person.key", "each key column once", "'id' twice", "change"),
    ("key: id", "key: id, split: {train: 0.8}", 3, "entities.person.split", "train + valid + test = 1", "1.1", "change"),
    ("key: id", "key: id, split: {by: a, time: b}", 3, "entities.person.split", "one of by, time, column", "by and time", "change"),
    ("kind: binary", "kind: ordinal", 14, "tasks.sick", "classes beside kind ordinal", "none", "change"),
    ("kind: binary", "kind: ordinal, classes: [1, 2, 2]", 14, "tasks.sick.classes", "each class once", "'2' twice", "change"),
    ("kind: binary", "kind: multiclass, classes: [a]", 14, "tasks.sick.classes", "at least 2 classes", "1", "change"),
    ("kind: binary", "kind: binary, classes: [a, b]", 14, "tasks.sick", "classes go with", "binary", "change"),
    ("kind: binary", "kind: binary, min: 0", 14, "tasks.sick", "min and max go with regression", "binary", "change"),
    ("kind: binary", "kind: binary, metric: r2", 14, "tasks.sick", "metric of a binary task", "'r2'", "change"),
    ("kind: binary", "kind: binary, positive: a, negative: a", 14, "tasks.sick", "that differ", "'a' for both", "change"),
    ("kind: regression", "kind: regression, inputs: []", 15, "tasks.weight", "at least one input", "empty list", "change"),
    ("path: labs.csv", "path: labs.csv, query: SELECT 1", 6, "sources.labs", "both url and query", "no url", "change"),
    ("path: labs.csv", "path: labs.csv, repeats: latest", 6, "sources.labs", "latest_by", "none", "change"),
    (
        "path: labs.csv", "path: labs.csv, row_number: row, repeats: latest, latest_by: day", 6, "sources.labs",
        "tells rows apart", "both", "change",
    ),
    ("evaluation: {}", "evaluation: {slices: {age: [5, 1]}}", 19, "evaluation.slices", "edges of 'age'", "5, 1", "change"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "key", "expected", "found", "do"), WRONG)
def test_an_error_names_line_key_expected_found_and_what_to_do(told, old, new, line, key, expected, found, do) -> None:
    file, where, said = told(old, new, key, expected, found, do).what.split(", ", 2)
    assert file.endswith("params.yaml")
    assert where == f"line {line}"
    assert said.split(":")[0].split(" (")[0] == key


@pytest.mark.parametrize("section", ["encoding", "model", "evaluation", "gate"])
def test_a_missing_section_is_named_with_what_to_write(refused, section) -> None:
    error = refused(f"{section}: {{}}\n", "")

    assert f"{section}: missing" in error.what
    assert error.do == f"write `{section}: {{}}` for the defaults"


def test_two_tasks_of_one_name_are_refused_with_the_line_of_the_second(refused) -> None:
    error = refused("  weight:", "  sick:")

    assert "line 15" in error.what
    assert '"sick"' in error.what
    assert error.do == "rename or remove one of them"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "holds no keys"),
        ("- 1\n", "holds no keys"),
        ("name: [1\nb: 2\n", "line 2, column 2: not YAML"),
        ("\tname: m\n", "line 1, column 1: not YAML"),
        ("name: 'm\n", "not YAML"),
    ],
)
def test_what_is_no_mapping_or_no_yaml_is_refused(tmp_path: Path, text, what) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(SpecError, match=what):
        read_spec(file)


def test_a_file_that_is_not_utf_8_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    with pytest.raises(SpecError, match="there is no such file"):
        read_spec(file)

    file.write_bytes("name: Käse".encode("latin-1"))
    with pytest.raises(SpecError, match="not UTF-8 at byte 7"):
        read_spec(file)


def test_numbers_and_words_are_read_as_yaml_1_2_says(changed) -> None:
    assert changed("lr: 1e-3", "lr: 1e-3").training.lr == 0.001
    task = changed("kind: binary", "kind: binary, positive: yes, negative: no").tasks["sick"]
    assert (task.positive, task.negative) == ("yes", "no")
    assert "on" in changed("sex: {kind", "on: {kind").inputs["body"].columns


@pytest.mark.parametrize("file", ["params.yaml", *sorted(str(one) for one in Path("examples").glob("*/params.yaml"))])
def test_the_quick_reader_and_the_one_that_knows_the_lines_read_the_same(file: str) -> None:
    assert read_spec(file) == parse_spec(_load(Path(file)))


def test_what_only_the_reader_that_knows_the_lines_can_read_is_read_too(changed) -> None:
    refused_by_libyaml = "{path: people.csv, derived: {at: x:y}}"
    assert changed("{path: people.csv}", refused_by_libyaml).sources["people"].derived == {"at": "x:y"}


def test_labels_are_texts_however_yaml_types_them(changed) -> None:
    assert changed("kind: binary", "kind: binary, positive: true").tasks["sick"].positive == "true"
    task = changed("kind: binary", "kind: ordinal, classes: [1, 2.0, three]").tasks["sick"]
    assert task.classes == ("1", "2", "three")
    sex = changed("sex: {kind: categorical}", "sex: {kind: categorical, values: [true, 1.0, 2020-01-01]}")
    assert sex.inputs["body"].columns["sex"].values == ("true", "1", "2020-01-01")
    assert changed("path: labs.csv", "path: labs.csv, null_values: [-9, x]").sources["labs"].null_values == ("-9", "x")


def test_one_key_or_input_may_be_written_without_a_list(changed) -> None:
    assert changed().entities["person"].key == ("id",)
    assert changed("key: id", "key: [id, day]").entities["person"].key == ("id", "day")
    assert changed("kind: binary", "kind: binary, inputs: body").tasks["sick"].inputs == ("body",)


def test_merged_and_aliased_parts_are_read_and_named(changed, refused) -> None:
    spec = changed("gate: {}", "gate: {}\n")
    assert spec.tasks["sick"].kind == "binary"
    shared = "age: &n {kind: numeric, min: 0}\n      size: *n"
    assert changed("age: {kind: numeric, min: 0}", shared).inputs["body"].columns["size"].min == 0
    error = refused("age: {kind: numeric, min: 0}", "age: &n {kind: numeric, mn: 0}\n      size: *n")
    assert "line 11, inputs.body.columns.age.mn" in error.what


def test_a_mapping_without_lines_is_refused_by_its_key() -> None:
    with pytest.raises(SpecError, match=r"there, name: missing"):
        parse_spec({}, "there")


def test_place_finds_the_line_of_a_key_or_of_the_nearest_above(changed, tmp_path: Path) -> None:
    changed()
    file = tmp_path / "params.yaml"
    assert place(file, "inputs.body.columns.sex.kind").endswith("line 12, inputs.body.columns.sex.kind")
    assert place(file, "inputs.body.columns.nothing").endswith("line 10, inputs.body.columns.nothing")


def test_the_spec_of_this_repository_is_read() -> None:
    root = Path(__file__).parents[3]
    spec = read_spec(root / "params.yaml")

    assert len(spec.tasks) == 11
    kinds = [task.kind for task in spec.tasks.values()]
    assert [kinds.count(k) for k in ("regression", "binary", "ordinal")] == [6, 4, 1]
    assert spec.tasks["general_health"].classes == ("Poor?", "Fair or", "Good", "Very good", "Excellent")
