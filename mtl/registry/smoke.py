"""`python -m mtl.registry.smoke MODEL_URI GOLDEN`: load a registered model in this fresh process, ask it the golden rows.

Prints one line; exit 0 if every prediction is what it was when the model was packed, 1 if not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

from mtl.registry.quiet import quiet

TOLERANCE = 1e-5
"""Largest difference, absolute for values up to 1, above that relative: predictions are float32 in the task's unit."""

TAGS = 0.02
"""Largest share of tags that are others: two may be as likely up to a rounding."""


def main(model_uri: str, golden: str) -> int:
    """Exit code; the line goes to stdout."""
    quiet()
    import mlflow.pyfunc

    from mtl.registry.package import PREDICTED

    rows = pl.read_parquet(Path(golden))
    predicted = [name for name in rows.columns if name.startswith(PREDICTED)]
    wanted = rows.select(predicted).rename(lambda name: name.removeprefix(PREDICTED))
    model = mlflow.pyfunc.load_model(model_uri, suppress_warnings=True)  # else it reads the metadata of every package: a second
    asked = rows.select(model.metadata.get_input_schema().input_names())
    problem = difference(pl.from_pandas(model.predict(asked.to_pandas())), wanted)
    print(problem or f"{rows.height} golden rows predicted as when the model was packed")
    return 1 if problem else 0


def difference(found: pl.DataFrame, wanted: pl.DataFrame) -> str:
    """What differs first, in words; empty if nothing does.

    Labels are not compared: they are the likeliest class, and two classes may be as likely up to a rounding. Of tags, which have
    no numbers beside them, some may differ.
    """
    if found.columns != wanted.columns or found.height != wanted.height:
        return f"{found.height} rows of {', '.join(found.columns)}; expected {wanted.height} of {', '.join(wanted.columns)}"
    if not wanted.height:
        return "there are no golden rows"
    for name in (n for n in wanted.columns if wanted.schema[n].is_numeric()):
        mine, theirs = (frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for frame in (found, wanted))
        off = ~np.isclose(mine, theirs, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        if off.any():
            row = int(off.argmax())
            lead = f"{int(off.sum())} of {len(off)} golden rows differ in {name!r}"
            return f"{lead}: row {row} gives {mine[row]:.6g}, was {theirs[row]:.6g}"
    return next((said for name in wanted.columns if (said := _of_tags(found[name], wanted[name]))), "")


def _of_tags(found: pl.Series, wanted: pl.Series) -> str:
    """The same of lists of tags: as many as tokens, and hardly one of them another."""
    if not isinstance(wanted.dtype, pl.List):
        return ""
    lengths = found.list.len() != wanted.list.len()
    if lengths.any():
        row = lengths.arg_true()[0]
        return f"{wanted.name!r}: row {row} has {found.list.len()[row]} tags, had {wanted.list.len()[row]}"
    mine, theirs = (one.explode().drop_nulls() for one in (found, wanted))
    off = int((mine != theirs).sum())
    return f"{off} of {len(theirs)} tags differ in {wanted.name!r}" if off > TAGS * len(theirs) else ""


if __name__ == "__main__":
    from mtl.process import die_with_parent

    die_with_parent()
    sys.exit(main(*sys.argv[1:]))
