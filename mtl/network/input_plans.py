"""What an encoder must know of its input: sizes, one class a kind of input. Nothing of files or tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

Pairs = tuple[tuple[str, float], ...]
"""Options by name, in order."""


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
    options: Pairs = ()
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
    options: Pairs = ()
    """All options of the network, as the spec or its defaults say."""
    augment: Pairs = ()
    """How recordings are changed in training: all of `masks`, `band`, `span`, `warp` and `filter`."""


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
    options: Pairs = ()
    """All options of the network, as the spec or its defaults say."""
    augment: Pairs = ()
    """How pictures are changed in training: all of `flip`, `shift` and `rotate`."""
    model: str = ""
    """Of network timm: the name that timm knows it by."""
    weights: Callable[[], Mapping[str, Any]] = field(default=dict, compare=False)
    """Of network timm: what it begins with, name → NumPy array, of all its parameters and buffers; empty: random numbers."""


@dataclass(frozen=True)
class PretrainedPlan(InputPlan):
    """Tokens for an encoder that came trained: 1 + the numbers it knows them by; 0 is padding."""

    kind: ClassVar[str] = "pretrained_tokens"
    config: str = "{}"
    """What is built, as `mtl.network.pretrained` reads it."""
    pooling: str = "mean"
    mode: str = "lora"
    """What learns: `lora`, low-rank updates; `finetune`, all of it."""
    options: Pairs = ()
    """All options of the mode."""
    weights: Callable[[], Mapping[str, Any]] = field(default=dict, compare=False)
    """What it begins with: name → NumPy array, of all its parameters and buffers; never written to."""
