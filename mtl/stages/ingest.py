"""`mtl ingest SOURCE`: the table as it arrives -> data/ingested/SOURCE (Parquet, one file a partition)."""

from __future__ import annotations

from pathlib import Path

from mtl.data.sources import ingest_source
from mtl.layout import INGESTED, KEPT
from mtl.spec import read_spec


def run(source: str) -> str:
    done = ingest_source(read_spec(), source, Path(), INGESTED / source, KEPT / source)
    files = f"{done.partitions} file{'s' if done.partitions != 1 else ''}"
    if done.new is not None:
        files += f" ({done.new} new)"
    return f"{source}: {done.rows:,} rows, {len(done.columns)} columns, {files}"
