"""`mtl align`: the outer join of inputs and targets, the union over entities -> data/aligned/{train,valid,test}."""

from __future__ import annotations

import polars as pl

from mtl.data.align import align
from mtl.data.encodings import Encodings
from mtl.layout import ALIGNED, ENCODED, ENCODINGS, SPLIT
from mtl.stages._needs import need


def run() -> str:
    need("align", ENCODED, ENCODINGS, SPLIT)
    rows = align(ENCODED, Encodings.read(ENCODINGS), pl.read_parquet(SPLIT), ALIGNED)
    return ", ".join(f"{side} {n:,} rows" for side, n in rows.items())
