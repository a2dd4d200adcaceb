"""Text that says a list in brackets: as JSON writes it, or as Python does, which is what pandas makes of lists in a CSV."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Sequence

import polars as pl

ESCAPE = r"\\(?:[\\'\"nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
TEXT = "|".join(rf"{quote}[^{quote}\\\0-\x1f]*+(?:{ESCAPE}[^{quote}\\\0-\x1f]*+)*+{quote}" for quote in "'\"")
"""A text in quotes, as Python writes it: a control character is escaped."""
PYTHON = re.compile(rf"\[\s*+(?:{TEXT})(?:\s*+,\s*+(?:{TEXT}))*+\s*+,?\s*+\]")
BEGUN = r"^\[\s*['\"]"
"""What begins like this is meant as a list of texts."""


def in_brackets(text: pl.Expr) -> pl.Expr:
    """Whether texts without blanks around are in brackets."""
    return text.str.starts_with("[") & text.str.ends_with("]")


def lists_of(text: pl.Expr) -> pl.Expr:
    """The lists that they say; null where they are not in brackets, or say none."""
    return pl.when(in_brackets(text)).then(text).map_elements(list_of, return_dtype=pl.List(pl.String), skip_nulls=True)


def list_of(text: str) -> list[str | None] | None:
    """None where it is no list by the rules of JSON, nor one of texts by Python's; an element that is no label is None."""
    try:
        labels = [_label(one) for one in _read(text)]
        "".join(label or "" for label in labels).encode()  # which half of a character cannot be
    except RecursionError:
        return [None]  # a list of lists, whatever is in them
    except (ValueError, SyntaxError):
        return None
    return labels


def _read(text: str) -> Sequence[object]:
    try:
        found: list[object] = json.loads(text)
    except ValueError:
        return _from_python(text)
    return found


def _from_python(text: str) -> list[str]:
    """Only its texts are evaluated, each by itself. Raises ValueError where anything else is in the list."""
    if not PYTHON.fullmatch(text):
        raise ValueError(text)
    return [literal_eval(one) if "\\" in one else one[1:-1] for one in re.findall(TEXT, text)]


def _label(one: object) -> str | None:
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, float):
        return str(int(one)) if one.is_integer() else str(one)
    return str(one) if isinstance(one, str | int) else None
