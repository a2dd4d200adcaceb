"""The text of params.yaml: what was guessed comes back when it is read."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mtl.dvc_reads import must_be_read_by_dvc
from mtl.project.write import _mapping, _sequence, params_text, scalar
from mtl.spec import parse_spec

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXT)
def test_a_text_is_read_back_as_it_was(value: str) -> None:
    assert YAML(typ="safe").load(f"k: {{a: {scalar(value)}}} # c\n")["k"]["a"] == value


@given(st.lists(TEXT, min_size=1, max_size=30))
def test_a_list_on_many_lines_is_read_back_as_it_was(values: list[str]) -> None:
    text = "k:\n" + "\n".join(_sequence("    values", [scalar(value) for value in values], "what # was: seen?"))
    must_be_read_by_dvc(text, "params.yaml", also_rewritten=True)
    assert YAML(typ="safe").load(text)["k"]["values"] == values


@given(
    st.dictionaries(
        st.sampled_from(["kind", "positive", "classes", "min"]), st.one_of(TEXT, st.lists(TEXT, min_size=1)), min_size=1
    )
)
def test_a_mapping_is_read_back_as_it_was_also_by_dvc(said: dict[str, str | list[str]]) -> None:
    pairs = {key: scalar(value) if isinstance(value, str) else [scalar(one) for one in value] for key, value in said.items()}
    text = "k:\n" + "\n".join(_mapping("    name", pairs, "what # was: seen?"))
    must_be_read_by_dvc(text, "params.yaml", also_rewritten=True)
    assert YAML(typ="safe").load(text)["k"]["name"] == said


def test_words_that_yaml_1_1_would_take_for_truth_are_quoted() -> None:
    assert [scalar(v) for v in ("no", "Yes", "on", "null", "good", "7")] == ['"no"', '"Yes"', '"on"', '"null"', "good", '"7"']


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
