"""How to split, where a column suggests it: given sides, a group that must stay together, or a time."""

from __future__ import annotations

import re

from mtl.layout import SPLITS
from mtl.project.columns import is_number
from mtl.project.guessed import IDENTIFIER, GuessedSplit
from mtl.project.look import Look, Table

GIVEN = re.compile(r"^(split|set|fold|subset|partition)$", re.IGNORECASE)
GROUP = re.compile(
    r"(^|_)(patient|subject|user|customer|client|household|family|school|hospital|clinic|speaker|author|session|device|product|batch)s?$",
    re.IGNORECASE,
)
BIRTH = re.compile(r"birth|born|dob", re.IGNORECASE)
LEAST_GROUPS = 20
LEAST_TIMES = 10


def guess_split(tables: dict[str, Table], keys: tuple[str, ...], targets: set[str]) -> tuple[GuessedSplit, list[str]]:
    """The split, and what a person should look at."""
    most = max(table.rows for table in tables.values())
    doubts: list[str] = []
    found: dict[str, GuessedSplit] = {}
    for source, table in tables.items():
        whole = table.rows == most and (len(tables) == 1 or table.rows >= 0.9 * most)
        for look in table.columns.values():
            if look.name in keys or look.name in targets:
                continue
            one = _of_column(look, whole, f"{source}.{look.name}", doubts)
            if one:
                found.setdefault(one.way, one)
    way = next((w for w in ("column", "by", "time") if w in found), None)
    if way is None:
        return GuessedSplit(), doubts
    doubts += [f"split by {found[w].column!r} would be possible too" for w in found if w != way]
    return found[way], doubts


def _of_column(look: Look, whole: bool, place: str, doubts: list[str]) -> GuessedSplit | None:
    if GIVEN.match(look.name) and {"train", "test"} <= {v.lower() for v in look.values}:
        if set(look.values) <= set(SPLITS) and not look.nulls and whole:
            return GuessedSplit("column", look.name, f"{place} says train and test already")
        doubts.append(f"{place}: looks like a given split; it is used only if every row says train, valid or test")
    if whole and _is_group(look):
        why = f"{place}: {look.unique} groups, {look.known / look.unique:.1f} rows each, stay together"
        return GuessedSplit("by", look.name, why)
    dated = look.dates == look.known and look.nulls <= 0.01 * look.rows
    if whole and dated and look.unique >= LEAST_TIMES and not BIRTH.search(look.name):
        return GuessedSplit("time", look.name, f"{place}: the oldest train, the newest test")
    return None


def _is_group(look: Look) -> bool:
    named = IDENTIFIER.search(look.name) or (GROUP.search(look.name) and not look.dtype.is_float())
    if not named or look.nulls > 0.05 * look.rows or (is_number(look) and not look.whole):
        return False
    largest = max(look.values.values(), default=0)
    return LEAST_GROUPS <= look.unique <= 0.67 * look.known and largest <= 0.2 * look.rows
