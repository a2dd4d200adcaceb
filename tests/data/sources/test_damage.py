"""Whatever happens to a file on its way: a message or a table, never a traceback, and what stood before still stands."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

from mtl.errors import MtlError


def _damage(content: bytes, draw: random.Random) -> bytes:
    """Cut short, or with some bytes changed, or with a piece taken out."""
    at = draw.randrange(len(content))
    kind = draw.randrange(3)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + draw.randrange(1, 40) :]
    changed = bytearray(content)
    for _ in range(draw.randrange(1, 5)):
        changed[draw.randrange(len(changed))] = draw.choice([0, 10, 13, 34, 44, 123, 0xC3, 0xFF, draw.randrange(256)])
    return bytes(changed)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_damaged_files_end_in_a_message(kind: str, bench: Any) -> None:
    frame = pl.DataFrame(
        {"id": range(120), "s": ['a "quoted", text\nof two lines é', "plain", None] * 40, "f": [1.5, None, 1e-9] * 40}
    ).with_columns(d=pl.date(2024, 1, 1))
    path = bench.write(f"t.{kind}", b"")
    getattr(frame, f"write_{kind}")(path)
    content = path.read_bytes()
    bench.ingest(path=path.name)
    before = bench.content()
    draw = random.Random(7)
    said = []
    for _ in range(150):
        path.write_bytes(_damage(content, draw))
        try:
            bench.ingest(path=path.name, format=kind)
            before = bench.content()
        except MtlError as error:
            said.append(str(error))
        assert bench.content() == before
    assert 20 < len(said) < 150
    assert [message for message in said if path.name not in message] == []
