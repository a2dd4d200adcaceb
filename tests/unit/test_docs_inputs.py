"""docs/inputs.md: every input in it is one, and every key and option stands there with its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

from mtl.spec.inputs import INPUTS
from mtl.spec.media import AudioAugment
from mtl.spec.options import NETWORK_OPTIONS, PRETRAINED_OPTIONS
from mtl.spec.tables import Source

PAGE = (Path(__file__).parents[2] / "docs/inputs.md").read_text(encoding="utf-8")
BLOCKS = [YAML(typ="safe", pure=True).load(text) for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
SECTIONS = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \|([^|]*)\|", re.MULTILINE)
TABLED = ("text", "tokens", "image", "audio", "pretrained_text")
"""Kinds whose keys are in a table."""
ELSEWHERE = {"source", "sources", "kind", "column"}
"""Keys that all kinds have."""
BY_SHAPE = {"size": "`shape`'s", "channels": "3", "shape": "", "model": "", "weights": ""}
"""Keys of a picture that have no default of their own."""


def said(section: str) -> dict[str, str]:
    """Key → default, of all tables of the section; `a`, `b` with `1, 2` are two keys, with one value they share it."""
    found: dict[str, str] = {}
    for names, text in ROW.findall(section):
        keys, values = re.findall(r"\w+", names), text.strip().split(", ")
        found |= dict(zip(keys, values if len(values) == len(keys) else [text.strip()] * len(keys), strict=True))
    return found


def spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel | dict):
        return "{}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def defaults(part: type[BaseModel]) -> dict[str, str]:
    found = {name: field.default for name, field in part.model_fields.items() if name not in ELSEWHERE}
    return {name: "" if value is PydanticUndefined else spelled(value) for name, value in found.items()}


@pytest.mark.parametrize("block", BLOCKS)
def test_each_example_is_an_input_or_a_source(block: dict[str, Any]) -> None:
    for one in block.get("inputs", {}).values():
        assert INPUTS[one.get("kind", "tabular")].model_validate(one).names
    for one in block.get("sources", {}).values():
        assert Source.model_validate(one).path


@pytest.mark.parametrize("kind", TABLED)
def test_every_key_stands_there_with_its_default(kind: str) -> None:
    told, known = said(SECTIONS[kind]), defaults(INPUTS[kind])
    if kind == "image":
        known |= BY_SHAPE
    if kind == "tokens":
        del known["options"], told["options"]  # it says `as of a text`
    told = {key: "" if value == "must be given" else value for key, value in told.items()}
    assert {key: told.get(key) for key in known} == known


def test_augmentation_of_sound_stands_there_with_its_defaults() -> None:
    table = SECTIONS["audio"].split("| key of `augment` |")[1]
    assert said(table.split("\n\n")[0]) == defaults(AudioAugment)


@pytest.mark.parametrize("kind", ["text", "image", "audio"])
def test_every_network_stands_there_with_its_options(kind: str) -> None:
    rows = {name: row for row in of(kind) for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    for network, options in NETWORK_OPTIONS[kind].items():
        assert options_in(rows[network]) == {name: f"{value:g}" for name, value in options.items()}


def of(kind: str) -> list[str]:
    """Rows of the section's table of networks."""
    table = SECTIONS[kind].split("| network | options and their defaults |")[1].split("\n\n")[0]
    return [row for row in table.splitlines() if row.startswith("| `")]


def options_in(row: str) -> dict[str, str]:
    """`embedding 64, hidden 64` of the second column, whatever is said in brackets or behind a colon."""
    plain = re.sub(r"\([^)]*\)|:.*", "", row.split("|")[2])
    return dict(re.findall(r"(\w+) ([\d.]+)", plain))


def test_options_of_what_comes_trained_stand_there() -> None:
    row = next(row for row in SECTIONS["pretrained_text"].splitlines() if row.startswith("| `options`"))
    for mode, options in PRETRAINED_OPTIONS.items():
        if options:
            part = row.split(f"`{mode}`")[1].split(";")[0]
            assert {n: float(v) for n, v in re.findall(r"(\w+) ([\de.-]+)", part)} == options
