"""Which columns of a source the spec uses, what they may hold, and what a bad cell of each costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import polars as pl

from mtl.errors import SpecError
from mtl.layout import SPLITS
from mtl.spec import NUMBERS, Column, Input, Source, Spec, Task, TextInput, VectorInput

Kind = Literal["numeric", "label", "category", "document", "text", "time", "plain", "date", "datetime", "boolean", "vector"]
"""`document` is text that is read and not only compared, `vector` a list of numbers. `time` becomes date or datetime, `plain`
whatever the cells are, once the data have been looked at (kinds.py)."""

WORDS = {"0": "0", "1": "1", "false": "0", "true": "1", "no": "0", "yes": "1"}
"""What a binary column without `positive` and `negative` may hold, and what it means."""

Bounds = tuple[float | None, float | None]
T = TypeVar("T")


@dataclass(frozen=True)
class Use:
    """One column of one source, as the spec uses it."""

    column: str
    kind: Kind
    where: str
    """The key of params.yaml that asks for it."""
    strong: bool = True
    """Whether `kind` is asked for, or only taken where nothing else is."""
    costs: Literal["row", "cell"] = "cell"
    """What a bad cell takes along into quarantine."""
    nullable: bool = True
    optional: bool = False
    """May lie in another source of the entity instead."""
    bounds: tuple[Bounds, ...] = ()
    allowed: tuple[tuple[str, ...], ...] = ()
    """Sets of values; a cell must be in each of them."""
    spellings: tuple[str, ...] = ()
    """Values as the spec spells them: `1.0` in the data is its `1`."""
    longest: int | None = None
    """Characters of a document at most."""
    size: int | None = None
    """Numbers of a vector."""
    key: bool = False
    words: bool = False
    """A binary label in WORDS."""
    tasks: tuple[str, ...] = ()


def uses_of(spec: Spec, name: str) -> dict[str, Use]:
    """Column -> its use, keys first, then in the spec's order; derived columns among them.

    Raises SpecError where two parts of the spec want a column to be of different types.
    """
    gathered: dict[str, list[Use]] = {}
    for use in _asked(spec, name):
        gathered.setdefault(use.column, []).append(use)
    return {column: _merge(name, uses) for column, uses in gathered.items()}


def _asked(spec: Spec, name: str) -> Iterator[Use]:
    source, entity = spec.sources[name], spec.entities[spec.entity_of(name)]
    for key in entity.key:
        yield Use(key, "text", f"entities.{spec.entity_of(name)}.key", costs="row", nullable=False, key=True)
    for of, one in spec.inputs.items():
        if one.source == name:
            yield from _of_input(one, f"inputs.{of}")
    for of, task in spec.tasks.items():
        if task.source == name:
            yield from _of_task(of, task)
    for column, contract in source.columns.items():
        yield _of_contract(column, contract, f"sources.{name}.columns.{column}")
    yield from _of_source(name, source)
    yield from _of_split(spec, spec.entity_of(name))
    for column, bands in spec.evaluation.slices.items():
        kind: Kind = "numeric" if bands else "text"
        yield Use(column, kind, f"evaluation.slices.{column}", strong=bool(bands), optional=True)


def _of_input(one: Input, where: str) -> Iterator[Use]:
    """A bad cell of an input takes its row along: what is predicted from the rest would be another thing."""
    if isinstance(one, TextInput):
        yield Use(one.column, "document", f"{where}.column", costs="row", longest=one.max_chars)
    elif isinstance(one, VectorInput):
        yield Use(one.column, "vector", f"{where}.column", costs="row", size=one.size)
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
    where, tasks = f"tasks.{of}.column", (of,)
    if task.kind in NUMBERS:
        bounded = task.min is not None or task.max is not None
        yield Use(task.column, "numeric", where, bounds=((task.min, task.max),) if bounded else (), tasks=tasks)
    elif task.kind == "binary" and task.positive is None and task.negative is None:
        yield Use(task.column, "label", where, allowed=(tuple(WORDS),), spellings=tuple(WORDS), words=True, tasks=tasks)
    else:
        known = task.classes or tuple(v for v in (task.negative, task.positive) if v is not None)
        closed = bool(task.classes) or len(known) == 2  # with `positive` alone every other value counts as 0
        yield Use(task.column, "label", where, allowed=(known,) if closed else (), spellings=known, tasks=tasks)
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


# ---------------------------------------------------------------- several uses of one column


def _merge(name: str, uses: list[Use]) -> Use:
    """One use that satisfies all."""
    kind, strong = _kind(name, uses)
    labels = [u for u in uses if u.kind == "label"]
    words = bool(labels) and all(u.words for u in labels)
    required = next((u for u in uses if not u.optional), uses[0])
    return replace(
        required,
        kind=kind,
        strong=strong,
        costs="row" if any(u.costs == "row" for u in uses) else "cell",
        nullable=all(u.nullable for u in uses),
        key=any(u.key for u in uses),
        bounds=_each(u.bounds for u in uses),
        allowed=_each([*(u.allowed for u in uses if u.kind != "label"), _either(labels)]),
        spellings=_each(u.spellings for u in uses),
        longest=min((u.longest for u in uses if u.longest is not None), default=None),
        size=_size(name, uses),
        words=words,
        tasks=_each(u.tasks for u in uses),
    )


def _kind(name: str, uses: list[Use]) -> tuple[Kind, bool]:
    strong = list(dict.fromkeys(u.kind for u in uses if u.strong))
    order: tuple[Kind, ...] = ("label", "category", "document", "text")
    texts = [k for k in order if k in strong]
    if len(strong) > 1 and len(texts) != len(strong):
        raise _two_types(name, [u for u in uses if u.strong])
    if texts:
        return texts[0], True
    if strong:
        return strong[0], True
    return ("text" if any(u.kind == "text" for u in uses) else "plain"), False


def _size(name: str, uses: list[Use]) -> int | None:
    said = [u for u in uses if u.size is not None]
    other = next((u for u in said if u.size != said[0].size), None)
    if other is None:
        return said[0].size if said else None
    raise SpecError(
        f"params.yaml, {other.where}: column {other.column!r} of source {name!r}", expected=f"size {said[0].size}, as "
        f"{said[0].where} says", found=f"size {other.size}", do="give both inputs the same size",
    )  # fmt: skip


def _either(labels: list[Use]) -> tuple[tuple[str, ...], ...]:
    """A label is good if one of the tasks on its column knows it."""
    if not labels or not all(u.allowed for u in labels):
        return ()
    return (tuple(dict.fromkeys(v for u in labels for one in u.allowed for v in one)),)


def _each(parts: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(x for part in parts for x in part))


def _two_types(name: str, uses: list[Use]) -> SpecError:
    one = uses[0]
    other = next(u for u in uses if u.kind != one.kind)
    return SpecError(
        f"params.yaml, {other.where}: column {one.column!r} of source {name!r}",
        expected=f"{one.kind}, as {one.where} says",
        found=other.kind,
        do=f"make a second column of it, `sources.{name}.derived: {{{one.column}_2: {one.column}}}`, and use that here",
    )
