"""Where the rows of a block of CSV begin and end, and how many fields each has, without parsing it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUOTE, NEWLINE, RETURN = 34, 10, 13
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Rows:
    """The whole rows of a block. All arrays are int64 [rows]."""

    starts: np.ndarray
    """First byte of each row."""
    ends: np.ndarray
    """Position of the line break that ends each row."""
    lines: np.ndarray
    """Line of the block each row begins on, from 0."""

    @property
    def length(self) -> int:
        """Bytes of all whole rows together."""
        return int(self.ends[-1]) + 1 if len(self.ends) else 0

    def take(self, keep: np.ndarray) -> Rows:
        return Rows(self.starts[keep], self.ends[keep], self.lines[keep])


def find_rows(block: bytes) -> Rows:
    """Rows end at line breaks outside quotes: those with an even number of quote marks before them.

    A doubled quote mark inside a field closes and opens at once, so parity needs no look-ahead.
    """
    array = np.frombuffer(block, np.uint8)
    breaks = np.flatnonzero(array == NEWLINE)
    ends = breaks
    if QUOTE in block:
        ends = breaks[~_inside_quotes(array)[breaks]]
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1]) if len(ends) else ends
    return Rows(starts, ends, np.searchsorted(breaks, starts))


def count_fields(block: bytes, rows: Rows, separator: str) -> np.ndarray:
    """int64 [rows]: fields in each row."""
    array = np.frombuffer(block, np.uint8)
    places = np.flatnonzero(array == ord(separator))
    if QUOTE in block:
        places = places[~_inside_quotes(array)[places]]
    counts: np.ndarray = np.searchsorted(places, rows.ends) - np.searchsorted(places, rows.starts) + 1
    return counts


def is_blank(block: bytes, rows: Rows) -> np.ndarray:
    """bool [rows]: nothing on the line, not even a quote mark."""
    array = np.frombuffer(block, np.uint8)
    length = rows.ends - rows.starts
    blank: np.ndarray = (length == 0) | ((length == 1) & (array[rows.starts] == RETURN))
    return blank


def has_stray_quote(block: bytes, separator: str) -> bool:
    """A quote mark that opens in the middle of a field (5" pipe): then parity says nothing."""
    if QUOTE not in block:
        return False
    array = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(array == QUOTE)
    opening, closing = quotes[::2], quotes[1::2]
    before = array[opening[opening > 0] - 1]
    after = array[closing[closing < len(array) - 1] + 1]
    good_before = np.isin(before, [ord(separator), NEWLINE, QUOTE])
    good_after = np.isin(after, [ord(separator), NEWLINE, RETURN, QUOTE])
    return not (good_before.all() and good_after.all())


def guess_separator(header: str) -> str:
    """The likeliest of , ; tab | in a header line; a comma if there is none (one column)."""
    plain = "".join(header.split('"')[::2])
    return max(SEPARATORS, key=plain.count)


def _inside_quotes(array: np.ndarray) -> np.ndarray:
    inside: np.ndarray = np.bitwise_xor.accumulate(array == QUOTE)
    return inside
