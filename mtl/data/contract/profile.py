"""The profile of a validated source: what its columns look like, to compare the next batch with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.contract.use import SEVERAL, Use

TOP = 50
"""Values of a categorical column that are kept, the most frequent."""
TOGETHER = 16
"""Columns read at once: one by one takes twice as long."""
NUMBERS = 20_000
"""Rows at most whose numbers Great Expectations looks at: their mean is then known to 0.7% of the spread, far within the slack
of its statements."""
DIGITS = 12
"""Significant digits: the last ones of a sum depend on how many threads made it."""


def profile(folder: Path, uses: Mapping[str, Use], glimpse: dict[str, pl.Series] | None = None) -> dict[str, Any]:
    """{"rows", "columns": {COLUMN: …}} of the validated rows in `folder`; TOGETHER columns in memory at a time, and none of which
    only the missing cells are counted.

    `nulls` is a share of the rows, the shares of `values` are of the cells that are there; `std` is of the sample (n − 1).
    Keys and dates are left out: no two batches have the same. `glimpse` is given the cells of each numeric column, of NUMBERS
    rows at most, evenly spaced: so that who looks at them need not read them once more.
    """
    table = pl.scan_parquet(folder / "*.parquet")
    rows = int(table.select(pl.len()).collect().item())
    names = [c for c, use in uses.items() if not use.key and use.kind not in ("date", "datetime")]
    counted = [c for c in names if _only_counted(uses[c])]
    nulls = table.select(pl.col(c).is_null().sum() for c in counted).collect(engine="streaming") if counted else pl.DataFrame()
    columns = {c: {"kind": "read", "nulls": _share(nulls[c].item(), rows)} for c in counted}
    kept = [c for c in names if c not in columns]
    for start in range(0, len(kept), TOGETHER):
        for cells in table.select(kept[start : start + TOGETHER]).collect():
            kind = uses[cells.name].kind
            columns[cells.name] = _numeric(cells) if kind == "numeric" else _values(cells, kind)
            if glimpse is not None and kind == "numeric":
                glimpse[cells.name] = cells.gather_every(max(1, -(-rows // NUMBERS)))
    return {"rows": rows, "columns": {c: columns[c] for c in names}}


def _only_counted(use: Use) -> bool:
    """Whether cells are all different, several in one, or bytes: nobody's to keep, and too large to hold a column of."""
    return use.longest is not None or use.kind in SEVERAL


def _numeric(cells: pl.Series) -> dict[str, Any]:
    ordered = np.sort(cells.drop_nulls().to_numpy() + 0.0)  # once, and not for each quantile; −0 would stand anywhere among 0
    there = pl.Series(ordered).set_sorted()
    deciles = [there.quantile(i / 10, "linear") for i in range(11)] if len(there) else []
    measures = {"mean": there.mean(), "std": there.std(), "min": there.min(), "max": there.max()}
    return {
        "kind": "numeric",
        "nulls": _share(cells.null_count(), len(cells)),
        **{name: _rounded(value) for name, value in measures.items()},
        "quantiles": [_rounded(q) for q in deciles],
        "kurtosis": _rounded(_kurtosis(there)),
    }


def _kurtosis(there: pl.Series) -> float | None:
    """The fourth moment by the square of the second: 3 for a normal column, null for a constant one."""
    found = there.kurtosis(fisher=False) if len(there) > 1 and there.n_unique() > 1 else None
    return found if found is not None and math.isfinite(found) else None


def _values(cells: pl.Series, kind: str) -> dict[str, Any]:
    there = cells.drop_nulls().cast(pl.String).alias("value")
    counts = there.value_counts().sort(["count", "value"], descending=[True, False])
    shares = {value: _share(count, len(there)) for value, count in counts.head(TOP).iter_rows()}
    kind = "label" if kind == "label" else "categorical"
    return {"kind": kind, "nulls": _share(cells.null_count(), len(cells)), "values": shares, "distinct": counts.height}


def _share(part: int, whole: int) -> float:
    return float(f"{part / whole:.{DIGITS}g}") if whole else 0.0


def _rounded(value: Any) -> float | None:
    return None if value is None else float(f"{float(value):.{DIGITS}g}")
