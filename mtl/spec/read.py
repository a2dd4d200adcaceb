"""Reading params.yaml: YAML 1.2 as DVC reads it, and errors that name the line to change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from mtl.errors import SpecError
from mtl.spec.base import label_text
from mtl.spec.inputs import INPUTS
from mtl.spec.links import LinkError, check_links, nearest
from mtl.spec.schema import Spec

SPEC = "params.yaml"
Key = tuple[str | int, ...]


def read_spec(path: str | Path = SPEC) -> Spec:
    """The spec in the file `path`.

    Raises SpecError, with file, line and key, for whatever stands in the way.
    """
    try:
        return parse_spec(_quickly(Path(path)), str(path))
    except (OSError, UnicodeDecodeError, YAMLError, RecursionError, SpecError):
        return parse_spec(_load(Path(path)), str(path))  # it knows the lines, and says which one is wrong


def parse_spec(data: Mapping[str, Any], file: str = SPEC) -> Spec:
    """The spec in a mapping as YAML gives it; `file` is what errors call it."""
    try:
        spec = Spec.model_validate(_plain(data))
    except ValidationError as error:
        raise _first(error, data, file) from None
    try:
        check_links(spec)
    except LinkError as error:
        raise SpecError(_place(file, data, error.key), expected=error.expected, found=error.found, do=error.do) from None
    return spec


def place(path: str | Path, key: str | Key) -> str:
    """`params.yaml, line 12, tasks.diabetes.kind`: where a key (dotted, or its steps) stands, or the nearest line."""
    return _place(str(path), _load(Path(path)), tuple(key.split(".")) if isinstance(key, str) else key)


def _quickly(path: Path) -> Any:
    """What the file holds, as DVC itself reads it, by a parser in C: a sixth of the time of the one that knows the lines."""
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def _load(path: Path) -> CommentedMap:
    if not path.is_file():
        raise SpecError(
            f"{path}: there is no such file", expected="a project's params.yaml in this folder",
            do="go to the project's folder, or make one with `mtl init`",
        )  # fmt: skip
    try:
        data = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except DuplicateKeyError as error:
        mark = error.problem_mark
        line = f"line {mark.line + 1}" if mark else "somewhere"
        problem = str(error.problem).split(" with value")[0].split("\n")[0]
        raise SpecError(f"{path}, {line}: {problem}", expected="each name once", do="rename or remove one of them") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 at byte {error.start}", expected="UTF-8 text", do="save the file as UTF-8") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SpecError(f"{path}{where}: not YAML", found=str(error.problem), do="mend the line") from None
    except YAMLError as error:
        raise SpecError(f"{path}: not YAML", found=str(error).split("\n")[0], do="mend the file") from None
    if not isinstance(data, CommentedMap):
        found = "nothing" if data is None else "a list" if isinstance(data, list) else repr(data)[:80]
        raise SpecError(f"{path}: holds no keys", expected="entities, sources, inputs, tasks, …", found=found, do="write them")
    return data


def _plain(value: Any) -> Any:
    """ruamel's containers and scalars as Python's own."""
    if isinstance(value, Mapping):
        return {label_text(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def _first(error: ValidationError, data: Mapping[str, Any], file: str) -> SpecError:
    """The first problem as one message; unknown keys first, since they often explain the others."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    one = problems[0]
    key: Key = tuple(k for k in one["loc"] if not (isinstance(k, str) and k in _BRANCHES))
    key, part = _of_an_input(key) if key[:1] == ("inputs",) else (key, None)
    key = (*key, "kind") if one["type"] == "union_tag_invalid" else key
    place = _place(file, data, key)
    more = f" ({len(problems) - 1} more after it)" if len(problems) > 1 else ""
    if one["type"] == "extra_forbidden":
        known = _fields_at(Spec, key[:-1]) if part is None else _fields_at(part, key[2:-1])
        return SpecError(
            f"{place}: unknown key{more}", expected="a key of the spec", found=repr(key[-1]), do=nearest(str(key[-1]), known)
        )
    if one["type"] == "missing":
        what = f"write `{key[-1]}: {{}}` for the defaults" if len(key) == 1 and key[0] in _SECTIONS else f"write `{key[-1]}: …`"
        return SpecError(f"{place}: missing{more}", expected=f"the key {key[-1]!r}", found="nothing", do=what)
    expected, found, do = _in_words(one)
    return SpecError(f"{place}{more}", expected=expected, found=found, do=do)


def _of_an_input(key: Key) -> tuple[Key, type[BaseModel] | None]:
    """The key without the kind that pydantic puts behind the input's name, and the class of that kind."""
    kind = key[2] if len(key) > 2 else None
    return (key[:2] + key[3:], INPUTS[kind]) if isinstance(kind, str) and kind in INPUTS else (key, None)


def _in_words(one: ErrorDetails) -> tuple[str, str, str]:
    """What was expected and found, and what to do, without the words of Python."""
    message = one["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    expected, _, found = message.partition("; found ")
    value = one["input"]
    found = found or ("nothing" if value is None else repr(_plain(value))[:80])
    if one["type"] == "union_tag_invalid":
        kind = str(one["ctx"]["tag"])
        return "the kind of an input", repr(kind), nearest(kind, INPUTS)
    if one["type"] == "literal_error":
        return expected, found, nearest(str(value), re.findall(r"'([^']*)'", expected))
    if one["type"] == "string_type" and isinstance(value, bool | int | float):
        return "text", found, f'write it in quotes: "{label_text(value)}"'
    return _WORDS.get(one["type"], expected), found, "change this line"


_WORDS = {
    "string_type": "text",
    "string_pattern_mismatch": "letters, digits and underscores only, a letter first",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number that is neither infinite nor NaN",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "tuple_type": "a list, such as [a, b]",
    "model_type": "keys of its own, or {} for the defaults",
    "dict_type": "names with what belongs to each, `name: {…}`",
}
"""Kind of a problem, as pydantic calls it -> what was expected."""
_SECTIONS = ("encoding", "model", "training", "evaluation", "gate")
_BRANCHES = ("constrained-str", "float", "str", "int", "[key]", "constrained-float", "constrained-int")


def _fields_at(model: type[BaseModel], key: Key) -> Iterable[str]:
    """Names of the keys that may stand below `key`."""
    here: Any = model
    for step in key:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(step))
            here = field.annotation if field else None
        else:  # dict[str, Part], tuple[Part, ...]: the step is a name or a number
            here = next((a for a in get_args(here) if isinstance(a, type) and issubclass(a, BaseModel)), None)
        here = _inner(here)
    return here.model_fields if isinstance(here, type) and issubclass(here, BaseModel) else ()


def _inner(annotation: Any) -> Any:
    """`Part` of `Part | None`; anything else as it is."""
    options = [a for a in get_args(annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
    is_union = type(None) in get_args(annotation)
    return options[0] if is_union and options else annotation


def _place(file: str, data: Mapping[str, Any], key: Key) -> str:
    """`params.yaml, line 12, tasks.diabetes.kind`; the nearest line there is."""
    here: Any = data
    line: int | None = None
    for step in key:
        try:
            if isinstance(here, CommentedMap):
                line = here.lc.key(step)[0]
            elif hasattr(here, "lc"):
                line = here.lc.item(step)[0]
            here = here[step]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    where = f", line {line + 1}" if line is not None else ""
    return f"{file}{where}, {'.'.join(str(k) for k in key) or 'the whole'}"
