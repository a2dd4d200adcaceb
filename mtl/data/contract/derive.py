"""Derived columns: Polars SQL expressions over one row's cells, after those were checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

import polars as pl

from mtl.data.contract.columns import roots_of
from mtl.data.contract.kinds import kind_of, settled_words
from mtl.data.contract.use import Use
from mtl.errors import SpecError

PROBED = 32
"""Rows each evaluated alone, to see that an expression looks at no other row."""
CLOSE = 1e-9
"""Relative difference that is rounding and no other row."""


def derive(frame: pl.DataFrame, derived: Mapping[str, str], name: str) -> pl.DataFrame:
    """The frame with the derived columns behind, in the spec's order; a later one may read an earlier one.

    Raises SpecError, with Polars' reason, for one that fails or that reads more than its own row.
    """
    for column, expression in derived.items():
        where = f"sources.{name}.derived.{column}"
        try:
            frame = frame.with_columns(pl.sql_expr(expression).alias(column))
        except pl.exceptions.PolarsError as error:
            raise _failed(expression, where, frame, error) from None
    return frame


def check_derived(frame: pl.DataFrame, derived: Mapping[str, str], ingested: Iterable[str], name: str) -> None:
    """Raise SpecError for a derived column that is none of a row's own, or whose name is taken."""
    taken = set(ingested)
    for column, expression in derived.items():
        where = f"sources.{name}.derived.{column}"
        if column in taken:
            raise SpecError(
                f"params.yaml, {where}",
                expected="a new name",
                found=f"the source has a column {column!r}",
                do="choose another name",
            )
        _known_roots(expression, where, [*frame.columns, *derived])
        _own_row(frame, {column: expression}, where, name)
        frame = derive(frame, {column: expression}, name)


def kinds_of_derived(uses: Mapping[str, Use], derived: Mapping[str, str], frame: pl.DataFrame, name: str) -> dict[str, Use]:
    """The uses of the derived columns, settled by the types their expressions give on a typed frame."""
    schema = derive(frame.clear(), derived, name).schema
    settled = {}
    for column in derived:
        use, dtype = uses[column], schema[column]
        if use.kind == "numeric" and not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
            raise _not_numeric(use, derived[column], dtype, name)
        if use.kind == "plain":
            use = replace(use, kind=kind_of(dtype))
        elif use.kind == "time":
            use = replace(use, kind="date" if dtype == pl.Date else "datetime")
        elif use.words:
            use = settled_words(use, {"true"} if dtype == pl.Boolean else {"0"})
        settled[column] = use
    return settled


def roots(column: str, derived: Mapping[str, str]) -> set[str]:
    """The ingested columns a derived one is made of, through other derived ones too."""
    if column not in derived:
        return {column}
    found: set[str] = set()
    for root in roots_of(derived[column], column):
        found |= roots(root, {c: e for c, e in derived.items() if c != column})
    return found


def _own_row(frame: pl.DataFrame, derived: Mapping[str, str], where: str, name: str) -> None:
    """Evaluated a row at a time or all together, the values must be the same."""
    step = max(1, frame.height // PROBED)
    probe = frame.gather_every(step).head(PROBED)
    (column,) = derived
    if probe.height < 2:
        return
    together = derive(probe, derived, name)[column]
    alone = pl.concat([derive(probe.slice(i, 1), derived, name)[column] for i in range(probe.height)])
    if not _same(together, alone):
        raise SpecError(
            f"params.yaml, {where}: {derived[column]}",
            expected="an expression over the cells of one row",
            found="values that depend on other rows (an aggregate or a window)",
            do="compute such a column where the table is made",
        )


def _same(together: pl.Series, alone: pl.Series) -> bool:
    """Equal, up to the last bits of a float: Polars sums and divides a single row in another order than many."""
    if not together.dtype.is_float():
        return together.equals(alone, null_equal=True)
    near = (together - alone).abs() <= CLOSE * together.abs()
    return bool((near | (together.is_null() & alone.is_null()) | (together == alone)).fill_null(False).all())


def _known_roots(expression: str, where: str, known: list[str]) -> None:
    for root in roots_of(expression, where):
        if root not in known:
            close = get_close_matches(root, known, n=1)
            raise SpecError(
                f"params.yaml, {where}: {expression}",
                expected="columns of the source",
                found=f"no column {root!r}",
                do=f"write {close[0]!r}" if close else "use " + ", ".join(known[:20]),
            )


def _failed(expression: str, where: str, frame: pl.DataFrame, error: Exception) -> SpecError:
    types = [f"{c} {frame.schema[c]}" for c in roots_of(expression, where) if c in frame.schema]
    return SpecError(
        f"params.yaml, {where}: {expression}",
        expected="an SQL expression that Polars can evaluate",
        found=str(error).splitlines()[0] + (f" ({', '.join(types)})" if types else ""),
        do=f"mend the expression; a column of text is a number once {where.rsplit('.', 2)[0]}.columns says `kind: numeric` of it",
    )


def _not_numeric(use: Use, expression: str, dtype: pl.DataType, name: str) -> SpecError:
    return SpecError(
        f"params.yaml, sources.{name}.derived.{use.column}: {expression}",
        expected=f"a number, as {use.where} needs",
        found=f"{dtype}",
        do=f"say `kind: numeric` of the columns it is made of, under sources.{name}.columns",
    )
