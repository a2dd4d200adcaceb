"""`mtl check`: what will be done, or the first thing that cannot be."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from mtl.errors import DataError, SpecError
from mtl.project.check import check_project

SPEC = """\
name: small
entities:
  person: {key: person_id, split: {by: town}}
sources:
  people: {path: people.csv}
  labs:
    path: labs.csv
    derived: {double: pressure * 2}
inputs:
  body:
    source: people
    columns:
      age: {kind: numeric, min: 0}
      sex: {kind: categorical}
tasks:
  sick: {source: people, column: sick, kind: binary, positive: "yes"}
  double: {source: labs, column: double, kind: regression, unit: mmHg}
  health: {source: people, column: health, kind: ordinal, classes: [poor, fair, good]}
encoding: {}
model: {}
training: {}
evaluation: {slices: {sex: null}}
gate: {}
"""


@pytest.fixture
def project(tmp_path: Path, people: pl.DataFrame) -> Path:
    (tmp_path / "params.yaml").write_text(SPEC)
    people.drop("pressure").write_csv(tmp_path / "people.csv")
    people.select("person_id", "pressure").write_csv(tmp_path / "labs.csv")
    return tmp_path


def said(project: Path, width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    check_project(project, console)
    return console.export_text()


def test_it_says_what_will_be_done(project: Path) -> None:
    text = said(project)

    for words in ("3 tasks of person (key person_id)", "from 2 sources", "1 numeric and 1 categorical", "2 of 2 + 1 derived",
                  "yes against the rest", "poor < fair < good", "labs", "groups of 'town'", "height, smoker", "shared_bottom",
                  "no task worse than single-task and champion"):  # fmt: skip
        assert words in text, words


def test_what_was_not_asked_for_is_not_told_and_what_was_is(project: Path) -> None:
    plain = said(project)
    changed = SPEC.replace("encoding: {}", "encoding: {bins: 8}").replace("model: {}", "model: {members: 4}")
    more = "training: {distillation: {weight: 3}, regularizers: {mean: 0.1}}"
    (project / "params.yaml").write_text(changed.replace("training: {}", more))
    text = said(project)
    for words in ("4 members", "in 8 bins", "teach the shared one (weight 3", "regularizers: mean 0.1"):
        assert words in text
        assert words not in plain


def test_it_fits_a_narrow_terminal(project: Path) -> None:
    assert all(len(line) <= 60 for line in said(project, 60).splitlines())


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "nearest"),
    [
        ("age:", "agee:", 13, "inputs.body.columns.agee", "'age'"),
        ("column: sick", "column: sik", 16, "tasks.sick.column", "'sick'"),
        ("key: person_id", "key: personid", 3, "entities.person.key", "'person_id'"),
        ("by: town", "by: towns", 3, "entities.person.split.by", "'town'"),
        ("pressure * 2", "presure * 2", 8, "sources.labs.derived.double", "'pressure'"),
        ("slices: {sex:", "slices: {sexx:", 22, "evaluation.slices.sexx", "'sex'"),
    ],
)
def test_a_column_that_no_table_has_is_named_with_line_key_and_nearest(project: Path, old, new, line, key, nearest) -> None:
    (project / "params.yaml").write_text(SPEC.replace(old, new, 1))
    with pytest.raises(DataError) as caught:
        said(project)
    assert f"line {line}, {key}" in caught.value.expected
    assert nearest in caught.value.found


def test_a_spec_or_a_file_that_is_not_there_is_an_error(project: Path) -> None:
    (project / "labs.csv").unlink()
    with pytest.raises(DataError, match=r"labs\.csv"):
        said(project)
    (project / "params.yaml").unlink()
    with pytest.raises(SpecError, match="there is no such file"):
        said(project)


def test_it_says_what_labels_and_levels_of_numbers_are(project: Path) -> None:
    text = SPEC.replace("kind: regression, unit: mmHg", "kind: quantile, min: 20, levels: [0.1, 0.5], unit: mmHg")
    (project / "params.yaml").write_text(text.replace('kind: binary, positive: "yes"', "kind: count, unit: days"))
    found = " ".join(said(project, 160).split())
    assert "count people 0 … days d2" in found
    assert "quantile labs 20 … mmHg; quantiles 0.1, 0.5 pinball" in found
