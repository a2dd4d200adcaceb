"""`mtl encode`: columns and targets as numbers, fitted on train -> data/encoded, models/encodings."""

from __future__ import annotations

import polars as pl

from mtl.data.align import write_encoded
from mtl.data.embedded import has_model
from mtl.data.encode import encode
from mtl.files import replacing, write_json
from mtl.layout import EMBEDDED, ENCODED, ENCODING_REPORT, ENCODINGS, SPLIT, VALIDATED
from mtl.spec import read_spec
from mtl.stages._needs import need


def run() -> str:
    spec = read_spec()
    embedded = [EMBEDDED / name for name, one in spec.inputs.items() if has_model(one)]
    need("encode", *(VALIDATED / source for source in spec.sources), SPLIT, *embedded)
    done = encode(spec, VALIDATED, pl.read_parquet(SPLIT))
    with replacing(ENCODED) as partial:
        write_encoded(partial, done.inputs, done.targets, done.golden, done.slices)
    with replacing(ENCODINGS) as partial:
        done.encodings.write(partial)
    write_json(ENCODING_REPORT, done.report)
    columns = len(done.encodings.names)
    dropped = sum(len(one.dropped) for one in done.encodings.inputs.values())
    gone = len(done.encodings.dropped_tasks)
    unseen = sum(task.get("unseen", 0) for task in done.report["tasks"].values())
    tasks = f"{len(done.encodings.tasks)} tasks" + (f" ({gone} dropped)" if gone else "")
    lost = f"; {unseen} labels of classes that train does not have are left out" if unseen else ""
    return f"{columns} columns ({dropped} dropped), {tasks}{lost}"
