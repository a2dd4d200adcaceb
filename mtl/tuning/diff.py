"""Values put into params.yaml by touching nothing but those values: comments, order and spelling stay to the last byte.

A round trip through ruamel.yaml keeps comments too, but folds long texts anew and spaces maps its own way; so its marks
are used to find the place, and the text is edited there.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from mtl.errors import SpecError
from mtl.spec import SPEC, Spec
from mtl.tuning.base import Base
from mtl.tuning.options import chooser_of, choosers

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
"""What YAML, or an older YAML, reads as something else."""


def edited(base: Base, values: Mapping[str, Any]) -> str:
    """The text of params.yaml with these values in it.

    Raises SpecError if the text cannot be edited so that it then says just that (anchors can stand in the way).
    """
    wanted = base.spec_with(base.differing(values))
    text = base.text
    for path, value in _edits(base, values):
        text = _put(text, path, value)
    if not _says(text, wanted):
        by_hand = ", ".join(f"{key}: {spelled(value)}" for key, value in base.differing(values).items())
        raise SpecError(
            f"{SPEC}: cannot be written", expected="a file in which each key is written once, in its own place",
            found="one that says something else after the edit", do=f"write by hand {by_hand}",
        )  # fmt: skip
    return text


def _says(text: str, wanted: Spec) -> bool:
    try:
        return Base(text).spec == wanted
    except (SpecError, YAMLError):
        return False


def unified(before: str, after: str) -> str:
    """The difference as `patch -p1` and `git apply` take it; empty if there is none."""
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{SPEC}", f"b/{SPEC}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def spelled(value: Any) -> str:
    """A value as YAML: 1e-3 as 0.001, words without quotes where they need none."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{spelled(str(key))}: {spelled(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(spelled(one) for one in value) + "]"
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in WORDS else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value)


def _edits(base: Base, values: Mapping[str, Any]) -> list[tuple[list[str], Any]]:
    """(path, value) of everything to write; the options of a new sharing (balancing, network) as a whole."""
    edits: list[tuple[list[str], Any]] = []
    differing = base.differing(values)
    new = [chooser for chooser in choosers(base.spec) if chooser.key in differing]
    for chooser in new:
        options = {name: value for key, value in differing.items() if (name := chooser.option(key))}
        edits.append((chooser.key.split("."), differing[chooser.key]))
        if options or chooser.beside(base.raw).get("options"):
            edits.append(([*chooser.part, "options"], options))
    for key, value in differing.items():
        its = chooser_of(key)
        if its not in new or (key != its.key and not its.option(key)):
            edits.append((key.split("."), value))
    return edits


def _put(text: str, path: list[str], value: Any) -> str:
    node: Node = YAML(typ="rt").compose(text)
    for at, step in enumerate(path):
        if not isinstance(node, MappingNode):
            return text
        pair = next(((key, one) for key, one in node.value if key.value == step), None)
        if pair is None:
            for inner in reversed(path[at + 1 :]):
                value = {inner: value}
            return _insert(text, node, step, value)
        key, node = pair
    return _replace(text, key, node, spelled(value))


def _replace(text: str, key: Node, old: Node, new: str) -> str:
    start, end = old.start_mark.index, _end(text, key, old)
    on_its_line = (start < end and isinstance(old, ScalarNode)) or getattr(old, "flow_style", False)
    return text[:start] + new + text[end:] if on_its_line else f"{text[: key.end_mark.index]}: {new}{text[end:]}"


def _insert(text: str, node: MappingNode, key: str, value: Any) -> str:
    """A new last key of a map."""
    said = f"{spelled(key)}: {spelled(value)}"
    if not node.value:
        return text[: node.start_mark.index] + "{" + said + "}" + text[node.end_mark.index :]
    end = _end(text, *node.value[-1])
    if node.flow_style:
        return f"{text[:end]}, {said}{text[end:]}"
    line = text.find("\n", end)
    end = len(text) if line < 0 else line
    return f"{text[:end]}\n{' ' * node.value[0][0].start_mark.column}{said}{text[end:]}"


def _end(text: str, key: Node, value: Node) -> int:
    """Where the last character of a value stands; ruamel's marks lie behind blank lines and comments, where there is
    nothing, and where a block ends."""
    start, end = int(value.start_mark.index), int(value.end_mark.index)
    if isinstance(value, ScalarNode):
        return text.index(":", key.end_mark.index) + 1 if start == end else start + len(text[start:end].rstrip())
    if getattr(value, "flow_style", False) or not value.value:
        return end
    last = value.value[-1]
    return _end(text, *last) if isinstance(last, tuple) else _end(text, key, last)
