"""Reading validated tables, and joining an entity's sources on its key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import polars as pl

from mtl.data.keys import key_expr
from mtl.errors import DataError
from mtl.spec import Spec


def scan(spec: Spec, source: str, validated: Path, columns: Mapping[str, str] | None = None) -> pl.LazyFrame:
    """A source's validated rows, all partitions: their one `key` and `columns` (the source's name -> the name here)."""
    entity = spec.entities[spec.entity_of(source)]
    wanted = [pl.col(theirs).alias(here) for theirs, here in (columns or {}).items()]
    return _rows(source, validated).select(key_expr(entity), *wanted)


def parts(spec: Spec, source: str, validated: Path, columns: Mapping[str, str]) -> Iterator[pl.DataFrame]:
    """`scan`, one file after the other: as many rows as were checked together. Raises FileNotFoundError if there is none."""
    entity = spec.entities[spec.entity_of(source)]
    wanted = [pl.col(theirs).alias(here) for theirs, here in columns.items()]
    files = sorted((validated / source).glob("*.parquet"))
    if not files:
        raise FileNotFoundError(f"{validated / source}: no validated rows")
    for file in files:
        yield pl.scan_parquet(file).select(key_expr(entity), *wanted).collect()


def scan_sources(spec: Spec, sources: Mapping[str, str], validated: Path, columns: Mapping[str, str]) -> pl.LazyFrame:
    """`scan` of several sources (entity -> source), one below the other, with the `entity` in front."""
    tables = [scan(spec, source, validated, columns).with_columns(entity=pl.lit(entity)) for entity, source in sources.items()]
    return pl.concat(one.select("entity", pl.exclude("entity")) for one in tables)


def has_column(source: str, column: str, validated: Path) -> bool:
    return column in _rows(source, validated).collect_schema().names()


def _rows(source: str, validated: Path) -> pl.LazyFrame:
    return pl.scan_parquet(validated / source / "*.parquet")


def entity_keys(spec: Spec, entity: str, validated: Path) -> pl.DataFrame:
    """Every key of the entity that any of its sources has; column `key`, sorted."""
    frames = [scan(spec, source, validated) for source in spec.sources_of(entity)]
    return pl.concat(frames).unique().sort("key").collect(engine="streaming")


def join_columns(spec: Spec, entity: str, columns: Iterable[str], keys: pl.DataFrame, validated: Path) -> pl.DataFrame:
    """`keys` with each of `columns` from whichever source of the entity has it; null where there is none.

    Raises DataError if no source has a column, or if two sources say different things of one key.
    """
    joined = keys
    for column in dict.fromkeys(columns):
        if column == "key" and spec.entities[entity].key == ("key",):
            continue  # it is there already
        if column in keys.columns:
            raise _our_word(column, entity)
        holders = [s for s in spec.sources_of(entity) if has_column(s, column, validated)]
        if not holders:
            raise DataError(
                f"entity {entity!r}: column {column!r}",
                expected="a column of one of its sources: " + ", ".join(spec.sources_of(entity)),
                found="no source that has it",
                do="correct the column's name in params.yaml",
            )
        values = pl.concat([scan(spec, s, validated, {column: column}) for s in holders], how="vertical_relaxed")
        known = values.drop_nulls(column).unique().collect(engine="streaming")
        _agree(known, entity, column, holders)
        joined = joined.join(known, on="key", how="left", maintain_order="left")
    return joined


def _our_word(column: str, entity: str) -> DataError:
    return DataError(
        f"entity {entity!r}: column {column!r}",
        expected="a split or a slice by a column of another name: this one is a word of the tables made here",
        found=f"the name {column!r}",
        do=f"give it a second name, `sources.SOURCE.derived: {{{column}_2: {column}}}`, and use that",
    )


def _agree(known: pl.DataFrame, entity: str, column: str, holders: list[str]) -> None:
    twice = known.filter(pl.col("key").is_duplicated()).sort("key", column)
    if twice.height:
        key = twice["key"][0]
        values = twice.filter(pl.col("key") == key)[column].to_list()
        raise DataError(
            f"entity {entity!r}, key {key!r}: column {column!r} in the sources {', '.join(holders)}",
            expected="one value for a key",
            found=", ".join(repr(v) for v in values[:3]),
            do="make the sources agree, or rename the column in one of them",
        )
