"""The stage `encode`: fit on train rows, check for leaks, select, and write every row as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.align import LIST
from mtl.data.bulk import first_within
from mtl.data.embedded import with_embedded
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.fitting.inputs import fit_input
from mtl.data.fitting.leaks import Leak, find_leaks
from mtl.data.fitting.media import Media, decoded, plain_media
from mtl.data.fitting.names import column_names
from mtl.data.fitting.select import select_columns
from mtl.data.fitting.sight import drop_blind
from mtl.data.fitting.tasks import Target, fit_tasks
from mtl.data.inputs import InputEncoding, TabularEncoding
from mtl.data.inputs.base import Arrays
from mtl.data.lists import multi_hot
from mtl.data.tables import has_column, join_columns, parts, scan
from mtl.errors import UnfitError
from mtl.layout import EMBEDDED, SPLITS
from mtl.spec import LISTS, Spec, Task

GOLDEN_ROWS, GOLDEN_BYTES = 64, 16 << 20
"""Of the golden rows at most, bytes of pictures and recordings; of each entity there is one row at least."""
Labels = dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]


@dataclass(frozen=True)
class Encoded:
    """All that encode makes: the encodings, the tables of numbers and what to tell."""

    encodings: Encodings
    inputs: dict[str, pl.DataFrame]
    """Input -> entity, key and its numbers, as `InputEncoding.table` gives them."""
    targets: dict[str, pl.DataFrame]
    """Task -> key, target (Float32) and, where the label is a list, `list` (Int32, from 1); labelled rows only."""
    golden: pl.DataFrame
    slices: pl.DataFrame
    report: dict[str, Any]


def encode(
    spec: Spec, validated: Path, split: pl.DataFrame, sides: Sequence[str] = SPLITS, *, embedded: Path = EMBEDDED
) -> Encoded:
    """Fit all encodings on the train rows of `split` and apply them to every row; a task needs labels in each of `sides`.

    `embedded`: what the stage `embed` made, read only where the spec has inputs for it. Raises LeakError and UnfitError as the
    spec says.
    """
    raw = {name: raw_input(spec, name, validated, split, embedded) for name in spec.inputs}
    targets, dropped = fit_tasks(spec, _target_rows(spec, validated, split), sides)
    targets, blind = drop_blind(spec, targets, raw)
    if not targets:
        raise UnfitError("no task is left", expected="at least one that can be learned", found=str({**dropped, **blind})[:300])
    tasks = [target.task for target in targets]
    train = {name: frame.filter(pl.col("split") == "train") for name, frame in raw.items()}
    inputs = {name: fit_input(spec, name, frame, embedded) for name, frame in train.items()}
    inputs, leaks = _choose_columns(spec, inputs, tasks, targets, train, split)
    encodings = Encodings(inputs, tuple(tasks), {**dropped, **blind})
    return Encoded(
        encodings,
        {name: inputs[name].decoded.table(raw[name]).insert_column(0, raw[name]["entity"]) for name in inputs},
        {t.task.name: _target_numbers(t) for t in targets},
        _golden(spec, encodings, validated, split),
        _slices(spec, validated, split),
        _report(spec, encodings, targets, leaks, split),
    )


def raw_input(spec: Spec, name: str, validated: Path, split: pl.DataFrame, embedded: Path = EMBEDDED) -> pl.DataFrame:
    """entity, key, split and the raw columns (by their names in raw frames) of one input's rows, those of one source below those
    of another; vectors beside texts that have any, pixels or samples in the place of files (`InputEncoding.decoded` reads them)."""
    names, one = column_names(spec), spec.inputs[name]
    columns = {c: names[name, c] for c in one.names}
    media = plain_media(spec, name)
    frames = [_sided(spec, source, validated, columns, split, media) for source in one.all_sources]
    return with_embedded(spec, name, pl.concat(frames), columns, embedded)


def _sided(
    spec: Spec, source: str, validated: Path, columns: Mapping[str, str], split: pl.DataFrame, media: Media | None = None
) -> pl.DataFrame:
    """entity, key, split and some columns (the source's name -> the name here) of a source's rows, in the order of the keys."""
    sides = split.filter(pl.col("entity") == spec.entity_of(source)).select("entity", "key", "split").sort("key")
    if media is None:
        rows = scan(spec, source, validated, columns)
    else:
        rows = decoded(media, parts(spec, source, validated, columns)).lazy()
    return sides.lazy().join(rows, on="key", how="inner", maintain_order="left").collect()


def raw_rows(spec: Spec, encodings: Encodings, validated: Path, keys: pl.DataFrame) -> pl.DataFrame:
    """`keys` (entity, key) with all raw input columns a model with these encodings reads; null where there are none."""
    frame = keys
    for one in encodings.inputs.values():
        table = pl.concat(_asked(spec, one, validated, keys))
        frame = frame.join(table, on=["entity", "key"], how="left", maintain_order="left")
    return frame


def _asked(spec: Spec, one: InputEncoding, validated: Path, keys: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """entity, key and the raw columns of one input where it has them of `keys`, part by part.

    Joined and not filtered: what a filter leaves of texts and bytes holds on to all that they lay among.
    """
    for entity, source in one.sources.items():
        mine = keys.filter(pl.col("entity") == entity)
        for part in parts(spec, source, validated, one.columns):
            yield part.join(mine, on="key", how="semi").with_columns(entity=pl.lit(entity))


def _golden(spec: Spec, encodings: Encodings, validated: Path, split: pl.DataFrame) -> pl.DataFrame:
    """Raw columns of the first valid rows of each entity, in the order of their keys: what `raw_rows` gives for them."""
    valid = split.filter(pl.col("split") == "valid").select("entity", "key")
    entities = max(1, valid["entity"].n_unique())
    keys = valid.group_by("entity", maintain_order=True).head(max(1, GOLDEN_ROWS // entities))
    rows = raw_rows(spec, encodings, validated, keys)
    few = [first_within(of_one, GOLDEN_BYTES // entities) for of_one in rows.partition_by("entity", maintain_order=True)]
    return pl.concat([rows.clear(), *few])


def _target_rows(spec: Spec, validated: Path, split: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The spec's task -> key, split, label, value, labelled or not; all tasks of a source are read at once."""
    of_sources: dict[str, pl.DataFrame] = {}
    for source in dict.fromkeys(task.source for task in spec.tasks.values()):
        tasks = [task for task in spec.tasks.values() if task.source == source]
        wanted = [c for task in tasks for c in (task.column, task.for_each.column if task.for_each else task.column)]
        of_sources[source] = _sided(spec, source, validated, {c: f"cell {c}" for c in wanted}, split)
    return {of: of_sources[task.source].select("key", "split", *_label(task)) for of, task in spec.tasks.items()}


def _label(task: Task) -> tuple[pl.Expr, pl.Expr]:
    value = pl.col(f"cell {task.for_each.column}") if task.for_each else pl.lit(None, pl.String)
    return pl.col(f"cell {task.column}").alias("label"), value.alias("value")


def _choose_columns(
    spec: Spec,
    inputs: dict[str, InputEncoding],
    tasks: list[TaskEncoding],
    targets: list[Target],
    train: dict[str, pl.DataFrame],
    split: pl.DataFrame,
) -> tuple[dict[str, InputEncoding], list[Leak]]:
    """Leak check and selection, both on train rows over the join of an entity's inputs and targets."""
    keys = {e: split.filter((pl.col("entity") == e) & (pl.col("split") == "train"))["key"] for e in spec.entities}
    arrays: dict[str, tuple[pl.Series, dict[str, Arrays]]] = {e: (k, {}) for e, k in keys.items()}
    for name, one in inputs.items():
        if isinstance(one, TabularEncoding):
            (entity,) = one.sources
            arrays[entity][1][name] = one.apply(_on(keys[entity], train[name]))
    labels = _labels(keys, targets)
    leaks = find_leaks(spec, inputs, tasks, arrays, labels)
    given_away = {(leak.input, leak.column): f"leak: predicts {leak.task}" for leak in leaks if leak.decision == "drop"}
    chosen = {name: _without(one, given_away) for name, one in inputs.items()}
    if spec.encoding.select is not None:
        for name, one in chosen.items():
            if isinstance(one, TabularEncoding):
                (entity,) = one.sources
                rows = one.apply(_on(keys[entity], train[name]))
                chosen[name] = select_columns(one, rows, tasks, labels, spec.encoding.select)
    return chosen, leaks


def _without(one: InputEncoding, given_away: dict[tuple[str, str], str]) -> InputEncoding:
    mine = {column: why for (name, column), why in given_away.items() if name == one.name}
    if not isinstance(one, TabularEncoding):
        return one
    return replace(
        one,
        numeric=tuple(c for c in one.numeric if c.column not in mine),
        categorical=tuple(c for c in one.categorical if c.column not in mine),
        dropped={**one.dropped, **mine},
    )


def _on(keys: pl.Series, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame's columns on the rows of `keys`, null where it has none."""
    if frame["key"].equals(keys):
        return frame
    return keys.to_frame().join(frame, on="key", how="left", maintain_order="left")


def _labels(keys: Mapping[str, pl.Series], targets: list[Target]) -> Labels:
    """Task -> encoded target [n] (of several labels [n, classes], whether it is one of them) and mask [n] on the rows of its
    entity's `keys`; tasks of the same rows are joined once."""
    places: dict[tuple[str, ...], pl.Series] = {}
    found: Labels = {}
    for target in targets:
        task = target.task
        rows = (task.source,) if task.value is None else (task.source, task.of, task.value)
        if rows not in places:
            places[rows] = _on(keys[task.entity], target.rows.select("key").with_row_index("at"))["at"]
        label = target.rows["label"].gather(places[rows])
        values, labelled = task.encode(label)
        found[task.name] = values.astype(np.float64), labelled
        if task.kind == "multilabel":
            found[task.name] = multi_hot(task.encode_list(label)[0], len(task.classes)), labelled
    return found


def _target_numbers(target: Target) -> pl.DataFrame:
    label, keys = target.rows["label"], target.rows["key"]
    if target.task.kind in LISTS:
        lists, labelled = target.task.encode_list(label)
        frame = pl.DataFrame({"key": keys, "target": pl.repeat(0.0, len(keys), dtype=pl.Float32, eager=True), LIST: lists.lists()})
    else:
        values, labelled = target.task.encode(label)
        frame = pl.DataFrame({"key": keys, "target": values})
    return frame.filter(pl.Series(labelled))


def _slices(spec: Spec, validated: Path, split: pl.DataFrame) -> pl.DataFrame:
    """entity, key and the spec's slice columns of the test entities that have them."""
    parts = []
    for entity in spec.entities:
        keys = split.filter((pl.col("entity") == entity) & (pl.col("split") == "test")).select("entity", "key")
        held = [c for c in spec.evaluation.slices if _has(spec, entity, c, validated)]
        parts.append(join_columns(spec, entity, held, keys, validated))
    return pl.concat(parts, how="diagonal_relaxed")


def _has(spec: Spec, entity: str, column: str, validated: Path) -> bool:
    return any(has_column(source, column, validated) for source in spec.sources_of(entity))


def _report(spec: Spec, encodings: Encodings, targets: list[Target], leaks: list[Leak], split: pl.DataFrame) -> dict[str, Any]:
    rows = {side: int((split["split"] == side).sum()) for side in SPLITS}
    inputs = {name: {"kind": one.kind, **one.counts(), "dropped": one.dropped} for name, one in encodings.inputs.items()}
    return {
        "inputs": inputs, "tasks": {t.task.name: _label_counts(t) for t in targets}, "dropped_tasks": encodings.dropped_tasks,
        "leaks": [leak.as_dict() for leak in leaks], "rows": rows, "split": _split_text(spec),
    }  # fmt: skip


def _label_counts(target: Target) -> dict[str, Any]:
    """Labels in each split; `unseen`: labels in valid or test of a class that train does not have, which nobody can judge."""
    counts = {side: target.sizes[side] for side in SPLITS}
    unseen = target.rows["label"].count() - sum(counts.values())
    return {"kind": target.task.kind, **counts, **({"unseen": unseen} if unseen else {})}


def _split_text(spec: Spec) -> str:
    """How each entity was split, in words."""
    said = []
    for name, entity in spec.entities.items():
        rule = entity.split
        way = (
            f"groups of {rule.by}"
            if rule.by
            else f"time {rule.time}"
            if rule.time
            else f"column {rule.column}"
            if rule.column
            else ""
        )
        if isinstance(rule.test, str):
            way = f"test where {rule.test}, the rest by hash (seed {rule.seed})"
        said.append(f"{name}: {way or f'{rule.train:g}/{rule.valid:g}/{rule.test:g} by hash of the key (seed {rule.seed})'}")
    return "; ".join(said)
