"""`mtl split`: keys of every entity -> data/split.parquet (train, valid or test), before anything is fitted."""

from __future__ import annotations

from mtl.data.split import split_entities
from mtl.files import replacing
from mtl.layout import SPLIT, SPLITS, VALIDATED
from mtl.spec import read_spec
from mtl.stages._needs import need


def run() -> str:
    spec = read_spec()
    need("split", *(VALIDATED / source for source in spec.sources))
    table = split_entities(spec, VALIDATED)
    with replacing(SPLIT) as partial:
        table.write_parquet(partial)
    return ", ".join(f"{side} {(table['split'] == side).sum():,}" for side in SPLITS)
