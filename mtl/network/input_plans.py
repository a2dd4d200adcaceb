"""What an encoder must know of its input: sizes, one class a kind of input. Nothing of files or tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


@dataclass(frozen=True)
class InputPlan:
    """One input; `kind` says which encoder reads it."""

    kind: ClassVar[str]
    name: str


@dataclass(frozen=True)
class TabularPlan(InputPlan):
    """Numbers and codes of categories."""

    kind: ClassVar[str] = "tabular"
    numeric: int = 0
    codes: tuple[int, ...] = ()
    """Number of codes of each categorical column."""
    embedding: int | None = None
    bins: tuple[tuple[float, ...], ...] = ()
    """Edges of each numeric column's bins, in the unit that the network reads; empty where numbers stay numbers."""
    gaps: tuple[int, ...] | None = None
    """Numeric columns that train has rows without: only these get an indicator. None: all."""

    @property
    def indicated(self) -> list[int]:
        """Places of the numeric columns with an indicator."""
        return list(range(self.numeric) if self.gaps is None else self.gaps)


@dataclass(frozen=True)
class VectorPlan(InputPlan):
    """A vector of `size` numbers."""

    kind: ClassVar[str] = "vector"
    size: int = 1


@dataclass(frozen=True)
class TextPlan(InputPlan):
    """Sequences of token numbers from 1 to `vocabulary` − 1; 0 is padding."""

    kind: ClassVar[str] = "text"
    vocabulary: int = 2
    network: str = "cnn"
    pooling: str = "max"
    options: tuple[tuple[str, float], ...] = ()
    """All options of the network, as the spec or its defaults say."""


class Encoding(Protocol):
    """An input's encoding, as far as the network is concerned; what else it must have is a matter of its kind."""

    @property
    def kind(self) -> str: ...


class Number(Protocol):
    """A numeric column, with the edges of its bins as the network reads them (empty without bins), and whether it has gaps."""

    @property
    def edges(self) -> tuple[float, ...]: ...
    @property
    def gaps(self) -> bool: ...


class Column(Protocol):
    """A categorical column that has `codes` different codes."""

    @property
    def codes(self) -> int: ...


class Table(Encoding, Protocol):
    """Of kind `tabular`."""

    @property
    def numeric(self) -> Sequence[Number]: ...
    @property
    def categorical(self) -> Sequence[Column]: ...
    @property
    def embedding(self) -> int | None: ...


class Vector(Encoding, Protocol):
    """Of kind `vector`."""

    @property
    def size(self) -> int: ...


class Text(Encoding, Protocol):
    """Of kind `text`."""

    @property
    def vocabulary(self) -> int: ...
    @property
    def network(self) -> str: ...
    @property
    def pooling(self) -> str: ...
    @property
    def options(self) -> Mapping[str, float]: ...


def input_plan(name: str, encoding: Encoding) -> InputPlan:
    """The plan of an input with this encoding."""
    return PLANS[encoding.kind](name, encoding)


def _tabular(name: str, one: Table) -> TabularPlan:
    edges = tuple(column.edges for column in one.numeric)
    gaps = tuple(place for place, column in enumerate(one.numeric) if column.gaps)
    codes = tuple(column.codes for column in one.categorical)
    return TabularPlan(name, len(one.numeric), codes, one.embedding, edges if any(edges) else (), gaps)


def _vector(name: str, one: Vector) -> VectorPlan:
    return VectorPlan(name, one.size)


def _text(name: str, one: Text) -> TextPlan:
    return TextPlan(name, one.vocabulary, one.network, one.pooling, tuple(sorted(one.options.items())))


PLANS: dict[str, Callable[[str, Any], InputPlan]] = {"tabular": _tabular, "vector": _vector, "text": _text}
