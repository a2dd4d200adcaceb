"""One chunk of ingested rows: cast, checked, derived, and parted into what is kept and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from mtl.data.contract.cells import Cast, cast
from mtl.data.contract.derive import derive, roots
from mtl.data.contract.schema import BAD, DTYPES, broken, contract
from mtl.data.contract.text import raw_text
from mtl.data.contract.tokens import uneven
from mtl.data.contract.use import Use
from mtl.data.keys import key_expr
from mtl.spec import Entity

SUPERSEDED = "an older row of the same key (repeats: latest)"


@dataclass(frozen=True)
class Rules:
    """All that a source's rows must keep."""

    source: str
    entity: Entity
    base: Mapping[str, Use]
    """Ingested columns."""
    made: Mapping[str, Use]
    """Derived columns."""
    derived: Mapping[str, str]

    @cached_property
    def uses(self) -> dict[str, Use]:
        return {**self.base, **self.made}

    @cached_property
    def schema(self) -> pl.Schema:
        """Names and types of the validated table."""
        return pl.Schema({column: DTYPES[use.kind] for column, use in self.uses.items()})

    @cached_property
    def contracts(self) -> tuple[Any, Any]:
        """Pandera's schemas of the ingested and of the derived columns."""
        return contract(self.base.values()), contract(self.made.values())

    @cached_property
    def costly(self) -> list[str]:
        """Columns a bad cell of which takes the row along."""
        return [column for column, use in self.uses.items() if use.costs == "row"]

    def parts(self, column: str) -> set[str]:
        """The ingested columns that `column` is or is made of."""
        return roots(column, self.derived)


@dataclass(frozen=True)
class Checked:
    """A chunk parted. Rows are counted within the chunk."""

    kept: pl.DataFrame
    """Typed rows that are kept, without their bad cells."""
    rows: pl.Series
    """Their positions."""
    dropped: pl.DataFrame
    """row, column, value, reason, key: the cells that took their rows along (and the other bad ones of those rows)."""
    cells: pl.DataFrame
    """The same of bad cells in rows that are kept."""
    nan: dict[str, int]


def check(raw: pl.DataFrame, rules: Rules, superseded: pl.Series | None = None) -> Checked:
    """Part a chunk; `superseded`: rows that a later one of the same key replaces."""
    frame, bad, nan = _typed(raw, rules)
    if superseded is not None and len(superseded):
        bad = pl.concat([bad, _superseded(superseded, rules)])
    keys = frame.select(key_expr(rules.entity)).to_series()
    bad = bad.with_columns(key=keys.gather(bad["row"]))
    fatal = bad.filter(pl.col("column").is_in(rules.costly))["row"].unique()
    out = pl.col("row").is_in(fatal.implode())
    stays = ~pl.Series(range(frame.height), dtype=pl.UInt32).is_in(fatal.implode())
    return Checked(frame.filter(stays), stays.arg_true(), bad.filter(out), bad.filter(~out), nan)


def _typed(raw: pl.DataFrame, rules: Rules) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """The typed chunk with derived columns, every bad cell null; the bad cells; NaN cells."""
    ingested, bad = _checked(raw, cast(raw, rules.base.values()), rules.contracts[0])
    frame, nan = ingested.frame, ingested.nan
    if rules.made:
        whole = derive(frame, rules.derived, rules.source)
        made, worse = _checked(whole, cast(whole, rules.made.values()), rules.contracts[1])
        frame = pl.concat([frame, made.frame], how="horizontal")
        bad, nan = pl.concat([bad, worse]), {**nan, **made.nan}
    unlike = uneven(frame, rules.uses, bad)
    return (_nulled(frame, unlike), pl.concat([bad, unlike]), nan) if unlike.height else (frame, bad, nan)


def _checked(raw: pl.DataFrame, cast: Cast, schema: Any) -> tuple[Cast, pl.DataFrame]:
    """The cast chunk without the cells that break the schema, and all bad cells by column and row."""
    found = broken(schema, cast.frame)
    found = found.join(cast.bad, on=["column", "row"], how="anti")  # what could not be cast is null, and not missing
    bad = pl.concat([cast.bad, _with_values(raw, found)]).sort("column", "row", maintain_order=True)
    return Cast(_nulled(cast.frame, bad), bad, cast.nan), bad


def _with_values(raw: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """`found` with the cells as they came."""
    parts = [pl.DataFrame(schema=BAD)]
    for (column,), rows in found.group_by("column", maintain_order=True):
        text = raw.select(raw_text(str(column), raw.schema[str(column)])).to_series()
        parts.append(rows.with_columns(value=text.gather(rows["row"])).select(BAD.names()))
    return pl.concat(parts)


def _nulled(frame: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    kept = []
    for (column,), rows in bad.group_by("column", maintain_order=True):
        stays = np.ones(frame.height, np.bool_)
        stays[rows["row"].to_numpy()] = False
        kept.append(pl.when(pl.lit(pl.Series(stays))).then(pl.col(str(column))).alias(str(column)))
    return frame.with_columns(kept)


def _superseded(rows: pl.Series, rules: Rules) -> pl.DataFrame:
    row = pl.DataFrame({"row": rows.cast(pl.UInt32)})
    column, reason = pl.lit(rules.entity.key[0]).alias("column"), pl.lit(SUPERSEDED).alias("reason")
    return row.select("row", column, pl.lit(None, pl.String).alias("value"), reason)
