"""Fitting a table's columns on train rows: scale, values, and which columns carry nothing."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from mtl.data.fitting.bins import edges_of
from mtl.data.fitting.names import column_names
from mtl.data.inputs.tabular import CategoricalColumn, NumericColumn, TabularEncoding
from mtl.spec import Spec, TabularInput


def fit_table(spec: Spec, name: str, one: TabularInput, train: pl.DataFrame) -> TabularEncoding:
    """The encoding of a table from its raw train rows (columns by their names in raw frames)."""
    names = column_names(spec)
    dropped = _carry_nothing(one, {c: train[names[name, c]] for c in one.columns})
    bins = spec.encoding.bins
    numeric = [_numeric(c, names[name, c], train, bins) for c, k in one.columns.items() if k.kind == "numeric" and c not in dropped]
    categorical = [
        _categorical(c, names[name, c], train, spec.encoding.max_categories)
        for c, k in one.columns.items()
        if k.kind == "categorical" and c not in dropped
    ]
    sources = spec.input_sources(name)
    return TabularEncoding(name, sources, tuple(numeric), tuple(categorical), one.embedding, dropped=dropped)


def _carry_nothing(one: TabularInput, columns: dict[str, pl.Series]) -> dict[str, str]:
    """Column -> why it is dropped: no value, one value only, or the same as an earlier column."""
    dropped: dict[str, str] = {}
    seen: dict[tuple[int, ...], list[str]] = {}
    for column, values in columns.items():
        if values.null_count() == len(values):
            dropped[column] = "no value in train"
        elif not values.null_count() and (values == values[0]).all():
            dropped[column] = f"constant in train ({values[0]})"
        else:
            mark = _fingerprint(values)
            same = next((c for c in seen.get(mark, []) if columns[c].equals(values, check_names=False, check_dtypes=True)), None)
            if same is not None and one.columns[same].kind == one.columns[column].kind:
                dropped[column] = f"the same as {same}"
            seen.setdefault(mark, []).append(column)
    return dropped


def _fingerprint(values: pl.Series) -> tuple[int, ...]:
    """Cheap and equal for equal columns, so that only likely pairs are compared value by value."""
    return (values.null_count(), int(values.head(1000).hash().sum() or 0))


def _numeric(column: str, name: str, train: pl.DataFrame, bins: int | None) -> NumericColumn:
    values = train[name].cast(pl.Float64).drop_nulls().to_numpy()
    std = float(values.std()) if len(values) else 0.0
    mean = float(values.mean()) if len(values) else 0.0
    found = NumericColumn(column, name, mean, std if std > 0 else 1.0, gaps=len(values) < train.height)
    return replace(found, bins=edges_of(values, bins, found)) if bins else found


def _categorical(column: str, name: str, train: pl.DataFrame, most: int) -> CategoricalColumn:
    """The `most` frequent values; rarer ones share the code of unknown values."""
    counts = train[name].cast(pl.String).drop_nulls().value_counts(name="n").sort("n", name, descending=[True, False])
    return CategoricalColumn(column, name, tuple(sorted(counts[name].head(most))))
