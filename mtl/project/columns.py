"""What kind of input a column is, or why it is none."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import polars as pl

from mtl.project.guessed import IDENTIFIER, InputColumn, LeftOut, Range
from mtl.project.look import Look, Table, number

CODED = re.compile(
    r"(^|[_\-. ])(code|type|category|cat|kind|status|zip|zipcode|postcode|grp|group|class|flag)s?([_\-. ]\d+)?$", re.IGNORECASE
)
"""Names of numbers that are labels: their size means nothing."""
SHARE = re.compile(r"share|ratio|rate|prob|fraction|proportion", re.IGNORECASE)
PERCENT = re.compile(r"pct|percent", re.IGNORECASE)
WEIGHT = re.compile(r"(^|_)(sample|sampling|instance|survey|case)_?weights?$", re.IGNORECASE)
MOSTLY = 0.95
"""Share of a column's values that must be numbers (or dates) for it to be called so."""
LISTED_VALUES = 12
"""Categories with at most this many values have them written down as the only ones allowed."""
MOST_CATEGORIES = 1000
CODES = (9, 99, 999, 9999, 99999, 999999, 77, 777, 7777, 77777, 88, 888, 8888, 88888)


def guess_input(look: Look) -> InputColumn | LeftOut:
    """The input column that this is, or the reason why it is left out."""
    reason = _unreadable(look) or _identifier(look)
    if reason:
        return LeftOut(look.name, reason, doubtful=not reason.startswith(("empty", "constant")))
    return _number_or_label(look) if is_number(look) else _category(look)


def is_number(look: Look) -> bool:
    """Nearly all values are numbers; a few different ones with a word among them are labels instead."""
    few_with_words = look.strangers > 0 and look.unique <= 20
    return look.known > 0 and look.numbers + look.infinite >= MOSTLY * look.known and not few_with_words


def is_date(look: Look) -> bool:
    return look.known > 0 and look.dates >= MOSTLY * look.known


def _unreadable(look: Look) -> str:
    if look.dtype == pl.Binary:
        return "each cell holds bytes; `kind: audio` reads recordings, `kind: image` pictures"
    if look.closed:
        return f"each cell holds a {type(look.dtype).__name__.lower()}; `kind: vector` reads lists of numbers, all of one length"
    if not look.known:
        return "empty"
    if look.unique == 1:
        only = next(iter(look.values), "")
        return f"constant ({only!r})" + (f" or missing ({look.nulls} rows)" if look.nulls else "")
    foreign = foreign_spelling(look)
    if foreign:
        return foreign
    if is_date(look):
        return "a date; make a number of it (an age, a duration) if it should be seen"
    return ""


def foreign_spelling(look: Look) -> str:
    """What the values are, where they are numbers or dates in a spelling that cannot be read."""
    if look.unique > 20 and look.commas + look.numbers >= MOSTLY * look.known > look.numbers:
        return "numbers with a decimal comma; write them with a point to have them read"
    if look.foreign_dates >= MOSTLY * look.known:
        return "dates in a spelling other than 2026-03-31, which alone is read"
    return ""


def _identifier(look: Look) -> str:
    """Why the column looks like an identifier; empty if it does not."""
    all_differ = look.unique >= 0.99 * look.known
    if look.counted and look.unique == look.rows:
        return "the number of the row"
    if IDENTIFIER.search(look.name) and look.unique > 50:
        return f"an identifier by its name ({look.unique} different values)"
    if WEIGHT.search(look.name):
        return "a weight of the rows by its name, which says nothing of what a row is about"
    dense = look.whole and look.high is not None and look.low is not None and look.high - look.low <= 10 * look.known
    if look.known >= 100 and all_differ and is_number(look) and dense:
        return "whole numbers, all different: looks like an identifier"
    return ""


def _number_or_label(look: Look) -> InputColumn:
    if set(look.values) == {"0", "1"}:
        return InputColumn(look.name, "categorical", f"yes or no{_missing(look)}", values=("0", "1"))
    if look.whole and not look.strangers and CODED.search(look.name) and look.values:
        return InputColumn(look.name, "categorical", f"a code by its name, {look.unique} values{_missing(look)}")
    return InputColumn(look.name, "numeric", f"{seen(look)}{_missing(look)}", range=guess_range(look))


def _category(look: Look) -> InputColumn | LeftOut:
    many = look.unique > max(50, 0.2 * look.known) or look.unique > MOST_CATEGORIES
    if not many:
        sure = look.unique <= LISTED_VALUES and min(look.values.values(), default=0) >= 5
        values = tuple(sorted(look.values)) if sure else ()
        return InputColumn(look.name, "categorical", f"{look.unique} values{_missing(look)}", values=values)
    if look.words >= 3:
        return InputColumn(look.name, "text", f"free text, {look.words:.0f} words a cell{_missing(look)}")
    if look.unique >= 0.9 * look.known:
        return LeftOut(look.name, "text, nearly every row another: looks like an identifier")
    return LeftOut(look.name, f"text with {look.unique} different values: too many for a category")


def seen(look: Look) -> str:
    return f"seen {look.low:.6g} … {look.high:.6g}"


def _missing(look: Look) -> str:
    share = look.nulls / look.rows
    return f", {max(share, 0.01):.0%} missing" if look.nulls else ""


def guess_range(look: Look) -> Range | None:
    """A bit wider than seen: half the span on either side, not below 0 where nothing is; none without a spread."""
    low, high = look.low, look.high
    if low is None or high is None or low == high:
        return None
    if low >= 0 and high <= 1 and SHARE.search(look.name):
        return Range(0, 1)
    if low >= 0 and high <= 100 and PERCENT.search(look.name):
        return Range(0, 100)
    margin = max((high - low) / 2, 0.05 * max(abs(low), abs(high)))
    step = 10.0 ** (math.floor(math.log10(high - low + margin)) - 1)
    step = max(step, 1.0) if look.whole else step
    least = math.floor((low - margin) / step) * step
    most = math.ceil((high + margin) / step) * step
    return Range(0 if low >= 0 else _tidy(least), _tidy(most))


def _tidy(value: float) -> float:
    return float(f"{value:.6g}")


@dataclass(frozen=True)
class Code:
    """A number that stands for a missing value: its spelling in the table, and the greatest number beside it."""

    text: str
    greatest: float


def missing_codes(table: Table, looks: list[Look]) -> tuple[dict[str, Code], list[str]]:
    """Numbers like 9999 that stand alone far above the rest.

    Column -> its code, where that occurs in no other column and so can be read as missing; and a sentence for each,
    since a person should look.
    """
    sure: dict[str, Code] = {}
    said: list[str] = []
    for look in looks:
        code = _alone_at_the_top(table.frame, look)
        if code is None:
            continue
        what = f"{table.name}.{look.name}: {code.text} stands alone far above the rest"
        if table.format == "csv" and not _holders(table, code.text, look.name):
            sure[look.name] = code
            said.append(f"{what} and is read as missing")
        else:
            said.append(f"{what}; if it means `missing`, make it empty")
    return sure, said


def _alone_at_the_top(frame: pl.LazyFrame, look: Look) -> Code | None:
    """The greatest number, if it looks like a code: written alike in several rows, and far above the second."""
    if look.high is None or look.high not in CODES:
        return None
    value = number(look.name, look.dtype)
    spellings = pl.col(look.name).cast(pl.String).filter(value == look.high)
    facts = frame.select(
        value.filter(value < look.high).max().alias("second"), spellings.len().alias("n"), spellings.n_unique().alias("ways")
    )
    second, times, ways = facts.collect().row(0)
    if second is None or second >= look.high / 3 or times < 2 or ways > 1:
        return None
    return Code(str(frame.select(spellings.first()).collect().item()), float(second))


def _holders(table: Table, text: str, but: str) -> list[str]:
    """Other columns in which `text` occurs."""
    others = [name for name in table.columns if name != but]
    counts = table.frame.select((pl.col(name) == text).sum() for name in others).collect().row(0) if others else ()
    return [name for name, count in zip(others, counts, strict=True) if count]
