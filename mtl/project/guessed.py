"""What was guessed of the tables, each guess with the reason that is written beside it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from mtl.project.look import Table

IDENTIFIER = re.compile(r"(^|[_\-. ])(id|ids|uuid|guid|identifier)$|^(id|uuid|guid)([_\-. ]|$)|[a-z]I[dD]$", re.IGNORECASE)
"""Names that say: this is an identifier. The last form is camel case."""


@dataclass(frozen=True)
class Range:
    """Least and greatest value that a number may have."""

    low: float
    high: float


@dataclass(frozen=True)
class InputColumn:
    """A column that tasks may see: `numeric` and `categorical` ones stand together, a `text` is an input of its own."""

    name: str
    kind: str
    why: str
    range: Range | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A column that is not among the inputs; `doubtful` if a person should look."""

    name: str
    why: str
    doubtful: bool = True


@dataclass(frozen=True)
class GuessedTask:
    """A target column and what kind of task it makes."""

    name: str
    source: str
    column: str
    kind: str
    why: str
    positive: str | None = None
    negative: str | None = None
    plain: bool = False
    """A binary task whose labels are 0 and 1: nothing has to be said of them."""
    classes: tuple[str, ...] = ()
    range: Range | None = None
    may_drop: bool = False
    """Too few labels to be sure that it can be learned."""
    set_aside: float = 0.0
    """Share of its labels that the contract will refuse."""
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuessedSource:
    """A table, and what a repeated key in it means."""

    table: Table
    path: str
    """As the project writes it: relative to its folder."""
    latest_by: str | None = None
    set_aside: float = 0.0
    """Greatest share of rows, or of one target's labels, that its contract will refuse."""
    codes: tuple[str, ...] = ()
    """Numbers that stand for a missing value."""
    row_number: str | None = None
    """New column that numbers the rows: the table has no key."""


@dataclass(frozen=True)
class GuessedSplit:
    """How entities are split: `way` is by, time, column or nothing (ratios of entities)."""

    way: str = ""
    column: str = ""
    why: str = "a stable hash of the key decides"


@dataclass
class Guess:
    """A whole project, before it is written."""

    name: str
    keys: tuple[str, ...]
    sources: dict[str, GuessedSource]
    inputs: dict[str, list[InputColumn]]
    left_out: dict[str, list[LeftOut]]
    tasks: list[GuessedTask]
    split: GuessedSplit
    doubts: list[str] = field(default_factory=list)


def plain_name(text: str, taken: set[str]) -> str:
    """`text` as a name that the spec takes (letters, digits, underscores), different from the `taken` ones."""
    latin = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    name = re.sub(r"[^A-Za-z0-9]+", "_", latin).strip("_") or "unnamed"
    name = name if name[0].isalpha() else f"x_{name}"
    unique, n = name, 2
    while unique in taken:
        unique, n = f"{name}_{n}", n + 1
    return unique
