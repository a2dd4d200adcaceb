"""The text of params.yaml: what was guessed comes back when it is read."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from ruamel.yaml import YAML

from mtl.dvc_reads import must_be_read_by_dvc
from mtl.project.write import params_text
from mtl.spec import parse_spec


def test_the_spec_says_what_was_guessed(people, guess) -> None:
    odd = people.with_columns(pl.col("sex").alias("a: b # c"), pl.col("age").alias("yes"), pl.col("health").alias("well?"))
    found = guess(odd, ["person_id"], ["sick", "pressure", "health", "well?"])

    must_be_read_by_dvc(params_text(found), "params.yaml", also_rewritten=True)
    spec = parse_spec(YAML(typ="rt").load(params_text(found)))

    columns = spec.inputs["t"].columns
    assert list(columns) == [c.name for c in found.inputs["t"]]
    assert [c.kind for c in columns.values()] == [c.kind for c in found.inputs["t"]]
    assert columns["sex"].values == ("female", "male")
    assert (spec.tasks["sick"].positive, spec.tasks["sick"].negative) == ("yes", "no")
    assert spec.tasks["health"].classes == ("poor", "fair", "good")
    assert spec.tasks["well"].column == "well?"
    assert spec.evaluation.slices == {"sex": None}


def test_every_guess_has_its_reason_beside_it(people, guess) -> None:
    found = guess(people, ["person_id"], ["sick", "pressure"])
    lines = params_text(found).splitlines()

    for name in ["split", "path", *(c.name for c in found.inputs["t"]), "sick", "pressure"]:
        assert any(line.strip().startswith(f"{name}:") and " # " in line for line in lines), name


@pytest.mark.parametrize(("rows", "expected"), [(2_000, (8, 0.5, 3e-3, 64)), (2_001, (1, 0.3, 1e-3, 256))])
def test_few_rows_are_learned_by_an_ensemble(people, guess, rows: int, expected: tuple[float, ...]) -> None:
    found = guess(people, ["person_id"], ["sick", "pressure"])
    found.sources["t"] = replace(found.sources["t"], table=replace(found.sources["t"].table, rows=rows))

    spec = parse_spec(YAML(typ="rt").load(params_text(found)))

    assert (spec.model.members, spec.model.dropout, spec.training.lr, spec.training.batch_size) == expected


def test_free_text_is_an_input_of_its_own(people, guess) -> None:
    told = people.with_columns(pl.format("{} years old and {} by sex, number {}", "age", "sex", "person_id").alias("told by: whom"))
    found = guess(told, ["person_id"], ["sick", "pressure", "health"])

    spec = parse_spec(YAML(typ="rt").load(params_text(found)))

    text = spec.inputs["told_by_whom"]
    assert (text.kind, text.column, text.source) == ("text", "told by: whom", "t")
    assert "told by: whom" not in spec.inputs["t"].columns
    assert (spec.training.max_epochs, spec.training.patience) == (20, 3)
    assert spec.model.members == 1
