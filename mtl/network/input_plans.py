"""What an encoder must know of its input: sizes, one class a kind of input. Nothing of files or tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class TokensPlan(TextPlan):
    """The same of tokens that are several `numbers` each, the first of them its word's, below `words`, the others of what it begins
    and ends with."""

    kind: ClassVar[str] = "tokens"
    words: int = 2
    numbers: int = 1


@dataclass(frozen=True)
class AudioPlan(InputPlan):
    """Recordings of any length, as samples of 16 bits."""

    kind: ClassVar[str] = "audio"
    rate: int = 16_000
    mels: int = 40
    window_ms: float = 25.0
    hop_ms: float = 10.0
    network: str = "cnn"
    pooling: str = "max"
    options: tuple[tuple[str, float], ...] = ()
    """All options of the network, as the spec or its defaults say."""
    augment: tuple[tuple[str, float], ...] = ()
    """How recordings are changed in training: all of `masks`, `band`, `span` and `warp`."""


@dataclass(frozen=True)
class ImagePlan(InputPlan):
    """Pictures of one size, as pixels of 8 bits."""

    kind: ClassVar[str] = "image"
    size: tuple[int, int] = (1, 1)
    """Height and width."""
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    """Of each channel's pixels, from 0 to 255."""
    network: str = "cnn"
    options: tuple[tuple[str, float], ...] = ()
    """All options of the network, as the spec or its defaults say."""
    augment: tuple[tuple[str, float], ...] = ()
    """How pictures are changed in training: all of `flip`, `shift` and `rotate`."""


@dataclass(frozen=True)
class PretrainedPlan(InputPlan):
    """Tokens for an encoder that came trained: 1 + the numbers it knows them by; 0 is padding."""

    kind: ClassVar[str] = "pretrained_tokens"
    config: str = "{}"
    """What is built, as `mtl.network.pretrained` reads it."""
    pooling: str = "mean"
    mode: str = "lora"
    """What learns: `lora`, low-rank updates; `finetune`, all of it."""
    options: tuple[tuple[str, float], ...] = ()
    """All options of the mode."""
    weights: Callable[[], Mapping[str, Any]] = field(default=dict, compare=False)
    """What it begins with: name → NumPy array, of all its parameters and buffers; never written to."""


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
    """Of kind `vector` or `bits`."""

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


class Tokens(Text, Protocol):
    """Of kind `tokens`."""

    @property
    def words(self) -> int: ...
    @property
    def numbers(self) -> int: ...


class Audio(Encoding, Protocol):
    """Of kind `audio`."""

    @property
    def rate(self) -> int: ...
    @property
    def mels(self) -> int: ...
    @property
    def window_ms(self) -> float: ...
    @property
    def hop_ms(self) -> float: ...
    @property
    def network(self) -> str: ...
    @property
    def pooling(self) -> str: ...
    @property
    def options(self) -> Mapping[str, float]: ...
    @property
    def augment(self) -> Mapping[str, float]: ...


class Image(Encoding, Protocol):
    """Of kind `image`."""

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def mean(self) -> tuple[float, ...]: ...
    @property
    def std(self) -> tuple[float, ...]: ...
    @property
    def network(self) -> str: ...
    @property
    def options(self) -> Mapping[str, float]: ...
    @property
    def augment(self) -> Mapping[str, float]: ...


class PretrainedModel(Protocol):
    """The encoder behind an input of kind `pretrained_tokens`."""

    @property
    def config(self) -> str: ...
    @property
    def pooling(self) -> str: ...
    def weights(self) -> Mapping[str, Any]: ...


class PretrainedTokens(Encoding, Protocol):
    """Of kind `pretrained_tokens`."""

    @property
    def model(self) -> PretrainedModel: ...
    @property
    def mode(self) -> str: ...
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


def _tokens(name: str, one: Tokens) -> TokensPlan:
    options = tuple(sorted(one.options.items()))
    return TokensPlan(name, one.vocabulary, one.network, one.pooling, options, one.words, one.numbers)


def _audio(name: str, one: Audio) -> AudioPlan:
    options, augment = (tuple(sorted(of.items())) for of in (one.options, one.augment))
    return AudioPlan(name, one.rate, one.mels, one.window_ms, one.hop_ms, one.network, one.pooling, options, augment)


def _image(name: str, one: Image) -> ImagePlan:
    options, augment = (tuple(sorted(of.items())) for of in (one.options, one.augment))
    return ImagePlan(name, one.size, one.mean, one.std, one.network, options, augment)


def _pretrained(name: str, one: PretrainedTokens) -> PretrainedPlan:
    options = tuple(sorted(one.options.items()))
    return PretrainedPlan(name, one.model.config, one.model.pooling, one.mode, options, one.model.weights)


PLANS: dict[str, Callable[[str, Any], InputPlan]] = {
    "tabular": _tabular,
    "vector": _vector,
    "bits": _vector,
    "text": _text,
    "tokens": _tokens,
    "audio": _audio,
    "image": _image,
    "pretrained_vector": _vector,
    "pretrained_tokens": _pretrained,
}
