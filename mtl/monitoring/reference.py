"""The reference profile of a candidate: the rows it was trained and chosen on, counted once and kept with its version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from mtl.data.encode import raw_rows
from mtl.data.keys import stable_hash
from mtl.data.tables import scan
from mtl.files import read_json
from mtl.layout import PROFILES, SPLIT, VALIDATED, VECTORS
from mtl.monitoring.asked import READ_AS_THEY_ARE, ask
from mtl.monitoring.cells import columns_of, counted, labels, tasks_of
from mtl.monitoring.parts import Part, Presence
from mtl.monitoring.profile import Profile
from mtl.registry.package import Package
from mtl.spec import Spec

ROWS = 50_000
"""Rows of a source whose cells are counted at most: a share is then known to 0.7 % of itself where it is one half."""
ASKED, SEEN = 2_000, 500
"""Rows of an entity that the model is asked at most; where it reads texts, pictures or recordings."""
TOGETHER = 16
"""Columns read at once."""


def reference_profile(root: Path, spec: Spec, package: Package) -> Profile:
    """Counts of the workspace's validated rows in train and valid, and what the model makes of those in valid.

    Predictions are of valid rows alone: of rows that it has learned by heart a model is surer than of any that is to come. Where
    there are more than ROWS and ASKED, those with the least hash of their key: the same ones on every machine.
    """
    split = pl.read_parquet(root / SPLIT)
    found = Profile()
    for source in spec.sources:
        mine = split.filter(pl.col("entity") == spec.entity_of(source))
        keys = some(mine.filter(pl.col("split") != "test").select("key"), ROWS)
        found.columns.update(_columns(root, spec, package, source, keys))
        found.labels.update(_labels(root, spec, package, source, keys))
    for entity in spec.entities:
        _ask(root, spec, package, entity, split.filter((pl.col("entity") == entity) & (pl.col("split") == "valid")), found)
    return found


def some(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most so many rows, by the hash of their `key`, in the order they had."""
    return frame.filter(chosen(frame["key"], most))


def chosen(keys: pl.Series, most: int) -> pl.Series:
    """bool [rows]: at most so many of them, by the hash of their key."""
    if len(keys) <= most:
        return pl.repeat(True, len(keys), dtype=pl.Boolean, eager=True)
    return pl.Series("hash", stable_hash(keys, "reference")).rank("ordinal") <= most


def rows_asked(package: Package) -> int:
    light = ("tabular", *READ_AS_THEY_ARE)
    return ASKED if all(one.kind in light for one in package.encodings.inputs.values()) else SEEN


def _columns(root: Path, spec: Spec, package: Package, source: str, keys: pl.DataFrame) -> Iterator[tuple[str, Part]]:
    file = root / PROFILES / f"{source}.json"
    kinds = columns_of(spec, package.encodings, source, read_json(file)) if file.is_file() else {}
    names = list(kinds)
    for start in range(0, len(names), TOGETHER):
        group = names[start : start + TOGETHER]
        cells = _cells(root, spec, source, keys, group, [c for c in group if kinds[c] is Presence])
        for column, of in zip(group, cells, strict=True):
            yield f"{source}.{column}", counted(of, kinds[column])


def _labels(root: Path, spec: Spec, package: Package, source: str, keys: pl.DataFrame) -> Iterator[tuple[str, Part]]:
    for task, columns in tasks_of(spec, package.encodings, source):
        yield task.name, labels(task, _cells(root, spec, source, keys, columns))


def _cells(
    root: Path, spec: Spec, source: str, keys: pl.DataFrame, columns: list[str], only_whether: list[str] | None = None
) -> list[pl.Series]:
    """The cells of these rows, column by column; of those of `only_whether`, whether they are missing."""
    here = {column: f"cell {column}" for column in columns}
    rows = scan(spec, source, root / VALIDATED, here)
    small = [pl.col(here[c]).is_null() if c in (only_whether or ()) else pl.col(here[c]) for c in columns]
    frame = rows.select("key", *small).join(keys.lazy(), on="key", how="semi").collect(engine="streaming")
    return [frame[here[column]] for column in columns]


def _ask(root: Path, spec: Spec, package: Package, entity: str, valid: pl.DataFrame, found: Profile) -> None:
    keys = some(valid.select("entity", "key"), rows_asked(package))
    asked = ask(package, entity, raw_rows(spec, package.encodings, root / VALIDATED, keys), root / VECTORS)
    if not len(asked.keys):
        return
    for source in spec.sources_of(entity):
        known = scan(spec, source, root / VALIDATED).join(asked.keys.to_frame().lazy(), on="key", how="semi").collect()
        rows = asked.keys.is_in(known["key"].implode()).to_numpy()
        if rows.any():
            found.predictions[source] = {task.name: asked.task(task, rows) for task in asked.tasks}
            found.alone[source] = asked.alone(source)
            found.inputs[source] = asked.inputs(rows)
            found.embeddings[source] = asked.embeddings(source)
