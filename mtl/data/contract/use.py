"""One column of a source as the spec uses it, and how several uses of it become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar

from mtl.errors import SpecError

Kind = Literal[
    "numeric", "label", "category", "document", "text", "time", "plain", "date", "datetime", "boolean", "vector", "bits", "labels",
    "media", "tokens", "tags",
]  # fmt: skip
"""`document` is text that is read and not only compared, `vector` a list of numbers, `bits` one of places, `labels` one of labels,
`tokens` one of words, `tags` one of what each of these is, `media` the bytes of a picture or a recording. `time` becomes date or
datetime, `plain` whatever the cells are, once the data have been looked at (kinds.py)."""

SEVERAL = {"vector", "bits", "labels", "media", "tokens", "tags"}
"""Kinds whose cells no table can be cut by."""

WORDS = {"0": "0", "1": "1", "false": "0", "true": "1", "no": "0", "yes": "1"}
"""What a binary column without `positive` and `negative` may hold, and what it means."""

Bounds = tuple[float | None, float | None]
T = TypeVar("T")


class Reader(Protocol):
    """What opens a cell of media (`mtl.data.sounds.Sound` is one); two that are equal open the same cells."""

    def fault(self, cell: bytes) -> tuple[str, str] | None:
        """Why the cell cannot be read, and what it is, in words without its bytes; None if it can."""


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
    whole: bool = False
    """Whether a number must be whole."""
    longest: int | None = None
    """Characters of a document, or of a list of tokens, at most."""
    size: int | None = None
    """Numbers of a vector, or bits."""
    separator: str | None = None
    """What stands between labels in a text."""
    scheme: str | None = None
    """Of tags: how they say where spans are."""
    beside: tuple[str, ...] = ()
    """Of tags: the columns of their tokens, of which each has as many."""
    readers: tuple[Reader, ...] = ()
    """Of media: each must be able to open a cell."""
    key: bool = False
    words: bool = False
    """A binary label in WORDS."""
    tasks: tuple[str, ...] = ()


def merge(name: str, uses: list[Use]) -> Use:
    """One use that satisfies all `uses` of one column of source `name`.

    Raises SpecError where two of them want different types, sizes, separators or schemes.
    """
    kind, strong = _kind(name, uses)
    labels = [u for u in uses if u.kind in ("label", "labels", "tags")]
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
        whole=any(u.whole for u in uses),
        allowed=_each([*(u.allowed for u in uses if u not in labels), _either(labels)]),
        spellings=_each(u.spellings for u in uses),
        longest=min((u.longest for u in uses if u.longest is not None), default=None),
        size=_the_same("size", name, [u for u in uses if u.size is not None]),
        separator=_the_same("separator", name, labels),
        scheme=_the_same("scheme", name, labels),
        beside=_each(u.beside for u in uses),
        readers=_each(u.readers for u in uses),
        words=words,
        tasks=_each(u.tasks for u in uses),
    )


def _kind(name: str, uses: list[Use]) -> tuple[Kind, bool]:
    strong = list(dict.fromkeys(u.kind for u in uses if u.strong))
    order: tuple[Kind, ...] = ("label", "category", "document", "text")
    texts = [k for k in order if k in strong]
    if len(strong) > 1 and len(texts) != len(strong):
        raise _two_types(name, [u for u in uses if u.strong])
    if SEVERAL.intersection(strong) and any(u.kind == "text" for u in uses):
        raise _two_types(name, uses)
    if texts:
        return texts[0], True
    if strong:
        return strong[0], True
    return ("text" if any(u.kind == "text" for u in uses) else "plain"), False


def _the_same(what: Literal["size", "separator", "scheme"], name: str, uses: list[Use]) -> Any:
    """What all of these uses of one column say."""
    said = [getattr(use, what) for use in uses]
    other = next((use for use, one in zip(uses, said, strict=True) if one != said[0]), None)
    if other is None:
        return said[0] if said else None
    raise SpecError(
        f"params.yaml, {other.where}: column {other.column!r} of source {name!r}",
        expected=f"{what} {said[0]!r}, as {uses[0].where} says", found=f"{what} {getattr(other, what)!r}",
        do=f"give all that read the column the same {what}",
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
