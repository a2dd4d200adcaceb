"""`mtl split`: keys of every entity -> data/split.parquet (train, valid or test), before anything is fitted."""

from __future__ import annotations

from mtl.data.split import split_entities
from mtl.files import replacing
from mtl.layout import SPLIT, SPLITS, VALIDATED
from mtl.spec import read_spec


def run() -> str:
    table = split_entities(read_spec(), VALIDATED)
    with replacing(SPLIT) as partial:
        table.write_parquet(partial)
    return ", ".join(f"{side} {(table['split'] == side).sum():,}" for side in SPLITS)
