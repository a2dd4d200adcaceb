"""Values as lines of YAML that mtl and DVC read alike, also after DVC has written them anew (see mtl/dvc_reads.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

NO_PLAIN = re.compile(r"^(true|false|null|yes|no|on|off|y|n|~)$", re.IGNORECASE)
WIDTH = 120


def scalar(value: str) -> str:
    """Text as YAML 1.2 reads it back, plain where nothing can be mistaken."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ ./+-]*", value) and value == value.strip() and not NO_PLAIN.match(value)
    return value if plain else quoted(value)


def quoted(value: str) -> str:
    """Text in double quotes; what cannot be printed is escaped, as YAML wants it."""
    escaped = (f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in value)
    return f'"{"".join(escaped)}"'


def key_of(name: str) -> str:
    """A column's name as a key; whatever is not a plain word is quoted."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name) and not NO_PLAIN.match(name)
    return name if plain else quoted(name)


def number(value: float) -> str:
    """A number as YAML's float or integer, in its shortest spelling."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def comment(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return f" # {' '.join(printable.split())}" if text else ""


def mapping(start: str, pairs: Mapping[str, str | Sequence[str]], why: str = "") -> Iterator[str]:
    """`start: {…}` on one line, or a line a pair where that is too long or DVC would not read it; values are YAML already."""
    flat = ", ".join(f"{key}: {value if isinstance(value, str) else _flow(value)}" for key, value in pairs.items())
    line = f"{start}: {{{flat}}}"
    if len(line) <= WIDTH and all(_may_stand_in_braces([value] if isinstance(value, str) else value) for value in pairs.values()):
        yield line + comment(why)
        return
    yield f"{start}:{comment(why)}"
    inside = " " * (len(start) - len(start.lstrip()) + 2)
    for key, value in pairs.items():
        yield from [f"{inside}{key}: {value}"] if isinstance(value, str) else sequence(f"{inside}{key}", value)


def sequence(start: str, values: Sequence[str], why: str = "") -> Iterator[str]:
    """`start: […]` on as many lines as it needs, or a line a value where DVC would not read it; values are YAML already."""
    if _may_stand_in_braces(values):
        *lines, last = _wrapped(f"{start}: ", values)
        yield from (*lines, last + comment(why))
        return
    yield f"{start}:{comment(why)}"
    yield from (f"{' ' * (len(start) - len(start.lstrip()) + 2)}- {value}" for value in values)


def _may_stand_in_braces(values: Iterable[str]) -> bool:
    """Whether DVC reads them in { } and [ ] also after it has written them anew (see mtl/dvc_reads.py)."""
    return not any(mark in value for value in values for mark in "?:")


def _flow(values: Sequence[str]) -> str:
    return "[" + ", ".join(values) + "]"


def _wrapped(start: str, values: Sequence[str]) -> Iterator[str]:
    """A list of values on as many lines as it needs."""
    line, indent = f"{start}[", " " * (len(start) - len(start.lstrip()) + 2)
    for i, value in enumerate(values):
        word = value + ("," if i + 1 < len(values) else "]")
        if len(line) + len(word) > WIDTH and line.strip():
            yield line.rstrip()
            line = indent
        line += word + " "
    yield line.rstrip()
