"""Keys that stand twice, over chunks."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.data.contract.repeats import Ledger
from mtl.spec import Entity

ENTITY = Entity(key=("a", "b"))


def ledger(rows, chunk: int, latest_by: str | None = None) -> Ledger:
    schema = {"a": pl.String, "b": pl.String, "at": pl.Datetime("us")}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    found = Ledger(ENTITY, latest_by)
    for start in range(0, frame.height, chunk):
        part = frame.slice(start, chunk)
        found.add(part, pl.Series(range(start, start + part.height), dtype=pl.UInt64))
    return found


KEY = st.sampled_from(["x", "y", "xy", ""])
AT = st.none() | st.integers(1, 3).map(lambda day: datetime(2026, 1, day))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(KEY, KEY, AT), max_size=12), st.integers(1, 5))
def test_repeats_are_what_a_dictionary_finds(rows, chunk):
    places: dict[tuple[str, str], list[int]] = {}
    for i, (a, b, _) in enumerate(rows):
        places.setdefault((a, b), []).append(i)
    twice = [rows_ for rows_ in places.values() if len(rows_) > 1]
    assert ledger(rows, chunk).repeated() == (twice[0] if twice else [])
    latest = [max(of, key=lambda i: (rows[i][2] or datetime(1, 1, 1), i)) for of in places.values()]
    assert ledger(rows, chunk, "at").superseded().tolist() == sorted(set(range(len(rows))) - set(latest))
