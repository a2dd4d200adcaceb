from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mtl.errors import SpecError
from mtl.spec import parse_spec
from mtl.tuning.base import Base
from mtl.tuning.diff import edited, spelled, unified

NHANES = (Path(__file__).parents[2] / "params.yaml").read_text()
SMALL = """\
name: small
entities: {person: {key: id}}
sources: {people: {path: people.csv}}
inputs: {facts: {source: people, columns: {age: {kind: numeric}}}}
tasks: # two
  ill: {source: people, column: ill, kind: binary} # rare
  fat:
    source: people
    column: fat # percent
    kind: regression

  # the end of tasks
encoding: {}
model: {}
training:
  lr: 1e-2   # by hand
  clip:
  balancing: "stch"
  options:
    mu: 2.0 # wide
    warmup: 3

# what is measured
evaluation: {resamples: 200}
gate: {}
"""
TEXT = """\
inputs:
  options: # a text
    source: people
    kind: text
    column: note
    network: gru # why not
    options: {hidden: 32}"""


def changed(before: str, after: str) -> list[str]:
    """Lines that went and lines that came."""
    return [line for line in unified(before, after).splitlines()[2:] if line[0] in "+-"]


def test_one_value_changes_one_line_and_nothing_else() -> None:
    after = edited(Base(NHANES), {"training.lr": 0.0031})
    assert changed(NHANES, after) == ["-  lr: 1e-3", "+  lr: 0.0031"]


def test_keys_that_were_not_there_go_where_they_belong() -> None:
    after = edited(Base(SMALL), {"model.width": 64, "tasks.ill.weight": 2.5, "tasks.fat.weight": 0.5, "training.clip": 1.0})
    assert changed(SMALL, after) == [
        "-  ill: {source: people, column: ill, kind: binary} # rare",
        "+  ill: {source: people, column: ill, kind: binary, weight: 2.5} # rare",
        "+    weight: 0.5", "-model: {}", "+model: {width: 64}", "-  clip:", "+  clip: 1",
    ]  # fmt: skip
    assert "    kind: regression\n    weight: 0.5\n\n  # the end of tasks\n" in after


def test_a_new_choice_takes_its_own_options() -> None:
    after = edited(
        Base(SMALL),
        {"training.balancing": "dwa", "training.options.temperature": 3.0, "model.sharing": "mmoe", "model.options.experts": 4},
    )
    assert changed(SMALL, after) == [
        "-model: {}", "+model: {sharing: mmoe, options: {experts: 4}}", '-  balancing: "stch"', "-  options:",
        "-    mu: 2.0 # wide", "-    warmup: 3", "+  balancing: dwa", "+  options: {temperature: 3}",
    ]  # fmt: skip


def test_a_choice_without_options_leaves_none() -> None:
    assert Base(edited(Base(SMALL), {"training.balancing": "equal"})).spec.training.options == {}


def test_a_new_network_of_a_text_takes_its_own_options() -> None:
    text = SMALL.replace("inputs: {facts: {source: people, columns: {age: {kind: numeric}}}}", TEXT)
    at = "inputs.options"
    after = edited(Base(text), {f"{at}.network": "cnn", f"{at}.options.channels": 16, f"{at}.pooling": "mean"})
    assert changed(text, after) == [
        "-    network: gru # why not", "-    options: {hidden: 32}", "+    network: cnn # why not", "+    options: {channels: 16}",
        "+    pooling: mean",
    ]  # fmt: skip
    assert changed(text, edited(Base(text), {f"{at}.options.hidden": 8})) == [
        "-    options: {hidden: 32}",
        "+    options: {hidden: 8}",
    ]
    same = {f"{at}.network": "cnn", f"{at}.options.embedding": 64}
    assert "options: {embedding: 64}" in edited(Base(text), same), "what is tried with another network is written"
    assert Base(edited(Base(text), {f"{at}.network": "cnn"})).said(f"{at}.options.channels") == 64


def test_an_option_of_the_present_choice_is_changed_in_place() -> None:
    after = edited(Base(SMALL), {"training.balancing": "stch", "training.options.mu": 0.5})
    assert changed(SMALL, after) == ["-    mu: 2.0 # wide", "+    mu: 0.5 # wide"]


def test_what_the_spec_says_already_is_not_written() -> None:
    assert edited(Base(SMALL), {"training.lr": 0.01, "model.width": 256, "training.clip": None}) == SMALL


def test_an_anchor_that_is_used_twice_stops_the_edit() -> None:
    text = SMALL.replace("lr: 1e-2 ", "lr: &small 1e-2 ").replace("  clip:\n", "  weight_decay: *small\n")
    with pytest.raises(SpecError, match="by hand"):
        edited(Base(text), {"training.lr": 0.5})


def test_git_can_apply_the_diff(tmp_path: Path) -> None:
    text = NHANES.rstrip("\n")  # without the last line's end
    after = edited(Base(text), {"model.width": 64, "training.clip": 1.0, "tasks.diabetes.weight": 2.0})
    (tmp_path / "params.yaml").write_text(text)
    subprocess.run(["git", "apply", "-"], input=unified(text, after), text=True, cwd=tmp_path, check=True)
    assert (tmp_path / "params.yaml").read_text() == after


VALUES = {
    "model.width": st.integers(1, 9999), "model.dropout": st.floats(0, 0.99), "model.sharing": st.sampled_from(["hybrid", "mmoe"]),
    "training.lr": st.floats(1e-9, 1e6), "training.clip": st.none() | st.floats(0.1, 9),
    "training.balancing": st.sampled_from(["fixed", "equal", "famo"]), "tasks.ill.weight": st.floats(0, 1e9),
    "tasks.fat.weight": st.floats(0, 10), "training.optimizer": st.sampled_from(["sgd", "full_batch"]),
}  # fmt: skip


@settings(max_examples=40)
@given(st.fixed_dictionaries({}, optional=VALUES))
def test_the_edited_text_says_what_the_trial_had_and_keeps_every_comment(values: dict[str, object]) -> None:
    base = Base(SMALL)
    after = edited(base, values)
    assert parse_spec(YAML(typ="rt").load(after)) == base.spec_with(values)
    with_options = "mu: 2.0 # wide" in after
    comments = [[line.partition("#")[2] for line in text.splitlines() if "#" in line] for text in (SMALL, after)]
    assert [one for one in comments[0] if with_options or one != " wide"] == comments[1]
    removed = [line for line in changed(SMALL, after) if line.startswith("-")]
    assert len(removed) <= len(values) + 3 * (not with_options), "no line changes but those of values, and options that went"


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(categories=["L", "N", "P", "Z"]), max_size=8),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=5,
    )
)
def test_a_value_is_spelled_as_yaml_reads_it(value: object) -> None:
    assert YAML(typ="safe").load(spelled(value)) == value
