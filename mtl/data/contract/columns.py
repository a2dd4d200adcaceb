"""Which columns of a source the spec uses, what they may hold, and what a bad cell of each costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import polars as pl

from mtl.data.contract.use import WORDS, Kind, Use, merge
from mtl.data.pictures import Picture
from mtl.data.sounds import Sound
from mtl.data.tags import classes_of
from mtl.errors import SpecError
from mtl.layout import SPLITS
from mtl.spec import (
    LISTS,
    NUMBERS,
    SEPARATOR,
    AudioInput,
    Column,
    ImageInput,
    Input,
    PretrainedTextInput,
    Source,
    Spec,
    Task,
    TextInput,
    TokensInput,
    VectorInput,
)  # fmt: skip
from mtl.spec.tagging import SPANS


def uses_of(spec: Spec, name: str) -> dict[str, Use]:
    """Column -> its use, keys first, then in the spec's order; derived columns among them.

    Raises SpecError where two parts of the spec want a column to be of different types.
    """
    gathered: dict[str, list[Use]] = {}
    for use in _asked(spec, name):
        gathered.setdefault(use.column, []).append(use)
    return {column: merge(name, uses) for column, uses in gathered.items()}


def _asked(spec: Spec, name: str) -> Iterator[Use]:
    source, entity = spec.sources[name], spec.entities[spec.entity_of(name)]
    for key in entity.key:
        yield Use(key, "text", f"entities.{spec.entity_of(name)}.key", costs="row", nullable=False, key=True)
    for of, one in spec.inputs.items():
        if name in one.all_sources:
            yield from _of_input(one, f"inputs.{of}")
    for of, task in spec.tasks.items():
        if task.source == name:
            yield from _of_task(of, task) if task.kind != "tagging" else _of_tags(spec, of, task)
    for column, contract in source.columns.items():
        yield _of_contract(column, contract, f"sources.{name}.columns.{column}")
    yield from _of_source(name, source)
    yield from _of_split(spec, spec.entity_of(name))
    for column, bands in spec.evaluation.slices.items():
        kind: Kind = "numeric" if bands else "text"
        yield Use(column, kind, f"evaluation.slices.{column}", strong=bool(bands), optional=True)


def _of_input(one: Input, where: str) -> Iterator[Use]:
    """A bad cell of an input takes its row along: what is predicted from the rest would be another thing."""
    if isinstance(one, TextInput | PretrainedTextInput):
        yield Use(one.column, "document", f"{where}.column", costs="row", longest=one.max_chars)
    elif isinstance(one, TokensInput):
        yield Use(one.column, "tokens", f"{where}.column", costs="row", longest=one.max_chars)
    elif isinstance(one, VectorInput):
        kind: Kind = "bits" if one.format == "bits" else "vector"
        yield Use(one.column, kind, f"{where}.column", costs="row", size=one.size)
    elif isinstance(one, ImageInput):
        yield Use(one.column, "media", f"{where}.column", costs="row", readers=(Picture(one.shape, one.max_pixels),))
    elif isinstance(one, AudioInput):
        reader = Sound(one.format, one.rate, one.max_seconds)
        yield Use(one.column, "media", f"{where}.column", costs="row", readers=(reader,))
    else:
        for column, contract in one.columns.items():
            yield _of_contract(column, contract, f"{where}.columns.{column}", costs="row")


def _of_contract(column: str, contract: Column, where: str, costs: Literal["row", "cell"] = "cell") -> Use:
    if contract.kind == "numeric":
        bounded = contract.min is not None or contract.max is not None
        return Use(column, "numeric", where, costs=costs, bounds=((contract.min, contract.max),) if bounded else ())
    values = contract.values
    return Use(column, "category", where, costs=costs, allowed=(values,) if values else (), spellings=values or ())


def _of_task(of: str, task: Task) -> Iterator[Use]:
    where, tasks, named = f"tasks.{of}.column", (of,), task.classes or ()
    if task.kind in NUMBERS:
        counted = task.kind == "count"
        low, high = 0 if counted and task.min is None else task.min, task.max
        bounds = ((low, high),) if low is not None or high is not None else ()
        yield Use(task.column, "numeric", where, bounds=bounds, whole=counted, tasks=tasks)
    elif task.kind in LISTS:
        allowed, separator = (named,) if named else (), task.separator or SEPARATOR
        yield Use(task.column, "labels", where, allowed=allowed, spellings=named, separator=separator, tasks=tasks)
    elif task.kind == "binary" and task.positive is None and task.negative is None:
        yield Use(task.column, "label", where, allowed=(tuple(WORDS),), spellings=tuple(WORDS), words=True, tasks=tasks)
    else:
        known = named or tuple(v for v in (task.negative, task.positive) if v is not None)
        closed = bool(task.classes) or len(known) == 2  # with `positive` alone every other value counts as 0
        yield Use(task.column, "label", where, allowed=(known,) if closed else (), spellings=known, tasks=tasks)
    if task.for_each:
        yield Use(task.for_each.column, "text", f"tasks.{of}.for_each.column")


def _of_tags(spec: Spec, of: str, task: Task) -> Iterator[Use]:
    inputs = (spec.inputs[name] for name in spec.inputs_of(of))
    beside = tuple(one.column for one in inputs if isinstance(one, TokensInput) and task.source in one.all_sources)
    named = classes_of(task.classes, task.scheme in SPANS) if task.classes else ()
    where, allowed = f"tasks.{of}.column", (named,) if named else ()
    yield Use(task.column, "tags", where, allowed=allowed, scheme=task.scheme, beside=beside, tasks=(of,))
    if task.for_each:
        yield Use(task.for_each.column, "text", f"tasks.{of}.for_each.column")


def _of_source(name: str, source: Source) -> Iterator[Use]:
    if source.latest_by:
        yield Use(source.latest_by, "time", f"sources.{name}.latest_by", costs="row")
    for column, expression in source.derived.items():
        where = f"sources.{name}.derived.{column}"
        yield Use(column, "plain", where, strong=False)
        for root in roots_of(expression, where):
            yield Use(root, "plain", where, strong=False)
    for i, expectation in enumerate(source.expectations):
        for column in expected_columns(expectation.arguments):
            yield Use(column, "plain", f"sources.{name}.expectations.{i}", strong=False)


def _of_split(spec: Spec, entity: str) -> Iterator[Use]:
    split, where = spec.entities[entity].split, f"entities.{entity}.split"
    if split.by:
        yield Use(split.by, "text", f"{where}.by", strong=False, costs="row", optional=True)
    if split.time:
        yield Use(split.time, "time", f"{where}.time", costs="row", optional=True)
    if split.column:
        yield Use(split.column, "text", f"{where}.column", costs="row", optional=True, nullable=False, allowed=(SPLITS,))
    if isinstance(split.test, str):
        for root in roots_of(split.test, f"{where}.test"):
            yield Use(root, "plain", f"{where}.test", strong=False, optional=True)


def roots_of(expression: str, where: str) -> list[str]:
    """The columns an SQL expression reads, each once; SpecError if it is none."""
    try:
        return list(dict.fromkeys(pl.sql_expr(expression).meta.root_names()))
    except pl.exceptions.PolarsError as error:
        raise SpecError(
            f"params.yaml, {where}: {expression}",
            expected="an SQL expression as Polars knows them",
            found=str(error).splitlines()[0],
            do="mend the expression",
        ) from None


def expected_columns(arguments: dict[str, object]) -> list[str]:
    """The columns that the arguments of a Great Expectations statement name."""
    found = [arguments[key] for key in ("column", "column_A", "column_B") if key in arguments]
    several = arguments.get("column_list", [])
    return [str(c) for c in [*found, *(several if isinstance(several, list | tuple) else [])]]
