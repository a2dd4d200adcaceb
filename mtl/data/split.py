"""Which entities train, choose and judge: decided once, before anything is fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mtl.data.keys import stable_hash
from mtl.data.tables import entity_keys, join_columns
from mtl.errors import DataError
from mtl.layout import SPLITS
from mtl.spec import Spec, Split

GROUP, UNIT = "__group__", "__unit__"
"""What stays together if the spec says so; that, or else the key. Names that no column of a user's has."""


def split_entities(spec: Spec, validated: Path) -> pl.DataFrame:
    """entity, key, split, group of every entity, sorted by entity and key.

    Raises DataError if a side would be empty, a given split holds another word than train, valid, test,
    or a test expression cannot be evaluated.
    """
    parts = [_split_one(spec, entity, validated) for entity in spec.entities]
    table = pl.concat(parts).sort("entity", "key")
    for entity in spec.entities:
        _no_empty_side(table.filter(pl.col("entity") == entity), entity)
    return table


def _split_one(spec: Spec, entity: str, validated: Path) -> pl.DataFrame:
    rule = spec.entities[entity].split
    keys = entity_keys(spec, entity, validated)
    wanted = [c for c in (rule.by, rule.time, rule.column) if c]
    expression = rule.test if isinstance(rule.test, str) else None
    wanted += _roots(expression, entity) if expression else []
    table = join_columns(spec, entity, wanted, keys, validated)
    group = pl.col(rule.by).cast(pl.String) if rule.by else pl.lit(None, pl.String)
    table = table.with_columns(group.alias(GROUP), pl.coalesce(group, "key").alias(UNIT))
    if expression:
        side = _by_expression(table, rule, expression, entity)
    elif rule.column:
        side = _given(table, rule, rule.column, entity)
    elif rule.time:
        side = _by_time(table, rule, rule.time)
    else:
        side = _by_hash(table[UNIT], rule)
    return table.select(pl.lit(entity).alias("entity"), "key", side.alias("split"), pl.col(GROUP).alias("group"))


def _by_hash(unit: pl.Series, rule: Split) -> pl.Series:
    """Ratios by a stable hash of the group or key: an entity keeps its side whoever joins or leaves."""
    test = rule.test if isinstance(rule.test, float | int) else 0.0
    at = stable_hash(unit, f"split {rule.seed}") / 2.0**64
    return pl.Series(np.select([at < test, at < test + rule.valid], ["test", "valid"], "train"), dtype=pl.String)


def _without_test(unit: pl.Series, rule: Split) -> pl.Series:
    """Train or valid, in their ratio to each other."""
    at = stable_hash(unit, f"split {rule.seed}") / 2.0**64
    return pl.Series(np.where(at < rule.valid / (rule.train + rule.valid), "valid", "train"), dtype=pl.String)


def _by_time(table: pl.DataFrame, rule: Split, time: str) -> pl.Series:
    """The oldest train, the newest test; equal times stay together, entities without a time train."""
    counts = table.drop_nulls(time).group_by(pl.col(time).alias(UNIT)).agg(pl.len().alias("rows")).sort(UNIT)
    before = (pl.col("rows").cum_sum() - pl.col("rows")) / pl.col("rows").sum()
    side = pl.when(before < rule.train).then(pl.lit("train")).when(before < rule.train + rule.valid).then(pl.lit("valid"))
    sides = counts.select(UNIT, split=side.otherwise(pl.lit("test")))
    times = table.select(pl.col(time).alias(UNIT))
    return times.join(sides, on=UNIT, how="left", maintain_order="left")["split"].fill_null("train")


def _given(table: pl.DataFrame, rule: Split, column: str, entity: str) -> pl.Series:
    """The column says it; where it knows no valid, valid is cut from train by hash."""
    said = table[column].cast(pl.String)
    strange = said.filter(said.is_null() | ~said.is_in(SPLITS))
    if len(strange):
        raise DataError(
            f"entity {entity!r}: split column {column!r}",
            expected="train, valid or test for every key",
            found=f"{strange[0]!r} ({len(strange)} of {len(said)} keys)",
            do="mend the column, or split by ratios",
        )
    if (said == "valid").any():
        return said
    cut = _without_test(table[UNIT], rule)
    return pl.select(pl.when(said == "test").then(said).otherwise(cut)).to_series()


def _by_expression(table: pl.DataFrame, rule: Split, expression: str, entity: str) -> pl.Series:
    """Test where the expression is true; a group with one such entity goes to test as a whole."""
    try:
        chosen = table.select(UNIT, is_test=pl.sql_expr(expression))
    except pl.exceptions.PolarsError as error:
        raise _bad_expression(expression, entity, str(error)) from None
    if chosen["is_test"].dtype != pl.Boolean:
        raise _bad_expression(expression, entity, f"values of type {chosen['is_test'].dtype}, neither true nor false")
    chosen = chosen.with_columns(pl.col("is_test").fill_null(False))
    is_test = chosen.select(pl.col("is_test").any().over(UNIT)).to_series()
    return pl.select(pl.when(is_test).then(pl.lit("test")).otherwise(_without_test(table[UNIT], rule))).to_series()


def _roots(expression: str, entity: str) -> list[str]:
    try:
        return list(pl.sql_expr(expression).meta.root_names())
    except pl.exceptions.PolarsError as error:
        raise _bad_expression(expression, entity, str(error)) from None


def _bad_expression(expression: str, entity: str, found: str) -> DataError:
    return DataError(
        f"entities.{entity}.split.test: {expression!r}",
        expected="an SQL expression over the entity's columns that is true for test rows",
        found=found.splitlines()[0],
        do="correct the expression in params.yaml",
    )


def _no_empty_side(table: pl.DataFrame, entity: str) -> None:
    counts = dict(table["split"].value_counts().iter_rows())
    empty = [side for side in SPLITS if not counts.get(side)]
    if empty:
        raise DataError(
            f"entity {entity!r}: the split leaves {' and '.join(empty)} empty",
            expected="rows in train, valid and test",
            found=", ".join(f"{side} {counts.get(side, 0)}" for side in SPLITS),
            do=f"change entities.{entity}.split, or bring more rows",
        )
