"""Lines of YAML: what was written comes back when mtl reads it, and DVC reads it too."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mtl.dvc_reads import must_be_read_by_dvc
from mtl.project.yaml_lines import mapping, scalar, sequence

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(TEXT)
def test_a_text_is_read_back_as_it_was(value: str) -> None:
    assert YAML(typ="safe").load(f"k: {{a: {scalar(value)}}} # c\n")["k"]["a"] == value


@given(st.lists(TEXT, min_size=1, max_size=30))
def test_a_list_on_many_lines_is_read_back_as_it_was(values: list[str]) -> None:
    text = "k:\n" + "\n".join(sequence("    values", [scalar(value) for value in values], "what # was: seen?"))
    must_be_read_by_dvc(text, "params.yaml", also_rewritten=True)
    assert YAML(typ="safe").load(text)["k"]["values"] == values


@given(
    st.dictionaries(
        st.sampled_from(["kind", "positive", "classes", "min"]), st.one_of(TEXT, st.lists(TEXT, min_size=1)), min_size=1
    )
)
def test_a_mapping_is_read_back_as_it_was_also_by_dvc(said: dict[str, str | list[str]]) -> None:
    pairs = {key: scalar(value) if isinstance(value, str) else [scalar(one) for one in value] for key, value in said.items()}
    text = "k:\n" + "\n".join(mapping("    name", pairs, "what # was: seen?"))
    must_be_read_by_dvc(text, "params.yaml", also_rewritten=True)
    assert YAML(typ="safe").load(text)["k"]["name"] == said


def test_words_that_yaml_1_1_would_take_for_truth_are_quoted() -> None:
    assert [scalar(v) for v in ("no", "Yes", "on", "null", "good", "7")] == ['"no"', '"Yes"', '"on"', '"null"', "good", '"7"']
