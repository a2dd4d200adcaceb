"""docs/methods.md is as honest as the code: every name, option and default is in it, and every YAML in it is a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML
from typer.core import TyperGroup
from typer.main import get_command

from mtl.cli import app
from mtl.spec import Distillation, Encoding, Model, Regularizers, Training, Tune, parse_spec
from mtl.spec.learning import Auto
from mtl.spec.options import BALANCING_OPTIONS, MEETING, ON_GRADIENTS, SHARING_OPTIONS

ROOT = Path(__file__).parents[2]
METHODS = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:encoding|model|training|tune|tasks): \{[^`]*\})`")
DEFAULT = re.compile(r"^\| `([a-z_.]+)` \| ([^|]+) \|", re.MULTILINE)

SMALL = """\
name: small
entities:
  person: {key: id}
sources:
  people: {path: people.csv}
inputs:
  facts: {source: people, columns: {age: {kind: numeric}, city: {kind: categorical}}}
tasks:
  spend: {source: people, column: spend, kind: regression}
  churn: {source: people, column: churn, kind: binary}
  risk: {source: people, column: risk, kind: regression}
encoding: {}
model: {}
training: {}
evaluation: {}
gate: {}
"""


def snippets() -> list[str]:
    """The YAML of fenced blocks, and of code spans that hold a whole section."""
    blocks = [body for language, body in FENCED.findall(METHODS) if language == "yaml"]
    return blocks + INLINE.findall(FENCED.sub("", METHODS))


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in change.items():
        here = found.get(key)
        found[key] = merged(here, value) if isinstance(here, Mapping) and isinstance(value, Mapping) else value
    return found


def load(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(text))


def spelled(value: Any) -> str:
    """A default as the page spells it."""
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return "{}"
    if isinstance(value, tuple):
        return "[]" if not value else ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def defaults() -> Iterator[tuple[str, Any]]:
    """Every key that the page has to name, and its default."""
    parts: dict[str, type[BaseModel]] = {
        "model": Model, "model.auto": Auto, "tune": Tune,
        "training.regularizers": Regularizers, "training.distillation": Distillation,
    }  # fmt: skip
    yield from ((f"{at}.{name}", field.default) for at, part in parts.items() for name, field in part.model_fields.items())
    yield from (
        (f"training.{name}", Training.model_fields[name].default)
        for name in ("balancing", "options", "at", "every", "sampler", "temperature", "relatedness")
    )
    yield "encoding.bins", Encoding.model_fields["bins"].default


@pytest.mark.parametrize("text", snippets())
def test_every_yaml_is_part_of_a_spec(text: str) -> None:
    parse_spec(merged(load(SMALL), load(text)))


def test_every_space_can_be_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.tuning.base import Base
    from mtl.tuning.keys import space_of

    monkeypatch.chdir(tmp_path)
    for text in snippets():
        if "space:" in text:
            with Path("params.yaml").open("w", encoding="utf-8") as file:
                YAML().dump(merged(load(SMALL), load(text)), file)
            assert space_of(Base.read()).dimensions


def test_every_key_stands_there_with_its_default() -> None:
    said = {key: value.strip() for key, value in DEFAULT.findall(METHODS)}
    assert {key: said.get(key) for key, _ in defaults() if key != "model.auto"} == {
        key: spelled(value) for key, value in defaults() if key != "model.auto"
    }


def test_every_method_stands_there_with_its_options() -> None:
    """`model: {sharing: NAME, options: {…}}` with all options of the table, each at its default; for balancings likewise."""
    from mtl.balancing import BALANCINGS
    from mtl.network.sharing import SHARINGS
    from mtl.training.regularizers import REGULARIZERS

    written = [load(text) for text in snippets()]
    for section, key, names, options in (
        ("model", "sharing", SHARINGS, SHARING_OPTIONS),
        ("training", "balancing", BALANCINGS, BALANCING_OPTIONS),
    ):
        said = [(part.get(key), dict(part.get("options") or {})) for part in (one.get(section) or {} for one in written)]
        for name in names:
            assert (name, options.get(name, {})) in said, f"{name} with {options.get(name, {})}"
    samplers = {(one.get("training") or {}).get("sampler") for one in written}
    assert set(get_args(Training.model_fields["sampler"].annotation)) <= samplers
    assert all(f"### `{name}`" in METHODS for name in SHARINGS)
    assert all(f"| `training.regularizers.{name}` |" in METHODS for name in REGULARIZERS)
    for name, part in _parts().items():
        assert all(f"`{option}" in part for option in {**SHARING_OPTIONS, **BALANCING_OPTIONS}.get(name, {})), name


def _parts() -> dict[str, str]:
    """Name -> what the page says of it: a sharing's section, a balancing's row."""
    sections = {part.split("`")[1]: part for part in re.split(r"^### ", METHODS, flags=re.MULTILINE) if part.startswith("`")}
    return sections | {row.split("`")[1]: row for row in METHODS.splitlines() if row.startswith("| `") and "balancing:" in row}


def test_it_says_right_where_gradients_are_compared() -> None:
    on_losses, on_gradients = METHODS.split("### On losses")[1].split("### On gradients")
    rows = {row.split("`")[1] for row in on_gradients.splitlines() if row.startswith("| `") and "balancing:" in row}
    assert rows == set(ON_GRADIENTS)
    assert not {row.split("`")[1] for row in on_losses.splitlines() if row.startswith("| `")} & rows
    can_meet = {row.split("`")[1] for row in METHODS.splitlines() if row.startswith("| `") and row.endswith("| yes |")}
    assert can_meet == set(MEETING)


def test_it_says_right_how_many_parameters_there_are() -> None:
    from mtl.network import Network
    from mtl.network.input_plans import TabularPlan
    from mtl.network.plan import Plan, TaskPlan
    from mtl.network.sharing import SHARINGS

    tasks = tuple(TaskPlan(f"t{i}", "regression" if i % 2 else "binary", 1, frozenset({"x"})) for i in range(10))
    plan = Plan((TabularPlan("x", numeric=20, codes=(4, 5, 6)),), tasks, (("binary", 1), ("regression", 1)))

    def size(**more: Any) -> int:
        return sum(p.numel() for p in Network(plan, Model.model_validate(more)).parameters())

    one = size()
    for name in SHARINGS:
        assert f"| `{name}` | {size(sharing=name) / one:.1f} |" in METHODS
    assert f"16 members have {size(members=16) / one:.1f} times" in METHODS.replace("\n", " ")


@pytest.mark.parametrize("verb", ["tune", "adapt"])
def test_every_option_of_a_verb_stands_there(verb: str) -> None:
    section = METHODS.split(f"## `mtl {verb}`")[1].split("\n## ")[0]
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    options = {name for option in command.commands[verb].params for name in option.opts}
    assert {name for name in options if name.startswith("--") and name != "--help"} == set(re.findall(r"--[a-z]+", section))


def test_links_lead_somewhere() -> None:
    def anchor(title: str) -> str:
        return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")

    for link in re.findall(r"\]\(([^)]+)\)", METHODS):
        file, _, place = link.partition("#")
        assert not file or (ROOT / "docs" / file).is_file(), link
        text = (ROOT / "docs" / file).read_text() if file else METHODS
        assert not place or place in {anchor(title) for title in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)}, link
