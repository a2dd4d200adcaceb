"""What the network asks of an input's encoding, by kind, and the plan that it makes of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from mtl.network.input_plans import (
    AudioPlan,
    ImagePlan,
    InputPlan,
    Pairs,
    PretrainedPlan,
    TabularPlan,
    TextPlan,
    TokensPlan,
    VectorPlan,
)


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


class Network(Encoding, Protocol):
    """Of a kind that says which network reads it, and all options of that."""

    @property
    def network(self) -> str: ...
    @property
    def options(self) -> Mapping[str, float]: ...


class Text(Network, Protocol):
    """Of kind `text`."""

    @property
    def vocabulary(self) -> int: ...
    @property
    def pooling(self) -> str: ...


class Tokens(Text, Protocol):
    """Of kind `tokens`."""

    @property
    def words(self) -> int: ...
    @property
    def numbers(self) -> int: ...


class Audio(Network, Protocol):
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
    def pooling(self) -> str: ...
    @property
    def augment(self) -> Mapping[str, float]: ...


class Image(Network, Protocol):
    """Of kind `image`."""

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def mean(self) -> tuple[float, ...]: ...
    @property
    def std(self) -> tuple[float, ...]: ...
    @property
    def augment(self) -> Mapping[str, float]: ...


class Timm(Image, Protocol):
    """Of kind `timm`."""

    @property
    def model(self) -> str: ...
    def weights(self) -> Mapping[str, Any]: ...


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
    return TextPlan(name, one.vocabulary, one.network, one.pooling, _pairs(one.options))


def _tokens(name: str, one: Tokens) -> TokensPlan:
    return TokensPlan(name, one.vocabulary, one.network, one.pooling, _pairs(one.options), one.words, one.numbers)


def _audio(name: str, one: Audio) -> AudioPlan:
    heard = (one.rate, one.mels, one.window_ms, one.hop_ms)
    return AudioPlan(name, *heard, one.network, one.pooling, _pairs(one.options), _pairs(one.augment))


def _image(name: str, one: Image) -> ImagePlan:
    return ImagePlan(name, one.size, one.mean, one.std, one.network, _pairs(one.options), _pairs(one.augment))


def _timm(name: str, one: Timm) -> ImagePlan:
    return replace(_image(name, one), model=one.model, weights=one.weights)


def _pretrained(name: str, one: PretrainedTokens) -> PretrainedPlan:
    return PretrainedPlan(name, one.model.config, one.model.pooling, one.mode, _pairs(one.options), one.model.weights)


def _pairs(options: Mapping[str, float]) -> Pairs:
    return tuple(sorted(options.items()))


PLANS: dict[str, Callable[[str, Any], InputPlan]] = {
    "tabular": _tabular,
    "vector": _vector,
    "bits": _vector,
    "text": _text,
    "tokens": _tokens,
    "audio": _audio,
    "image": _image,
    "timm": _timm,
    "pretrained_vector": _vector,
    "pretrained_tokens": _pretrained,
}
