"""Inputs: which columns of a source are read, by which encoder. One class a kind; `kind: tabular` need not be written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from mtl.spec.base import Part
from mtl.spec.options import SEQUENCE_OPTIONS, check_options
from mtl.spec.tables import Column

LEAST_BPE = 300
"""Tokens of byte-level pair encoding: one for each of 256 bytes, padding, unknown, and some pairs."""


class InputPart(Part, ABC):
    """What inputs of every kind have."""

    source: str

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The source's columns that it reads."""


class TabularInput(InputPart):
    """A named group of numeric and categorical columns of one source."""

    kind: Literal["tabular"] = "tabular"
    columns: dict[str, Column]
    embedding: int | None = Field(default=None, ge=1)
    """Width of one categorical column's embedding; from its number of values if left out."""

    @field_validator("columns")
    @classmethod
    def _not_empty(cls, value: dict[str, Column]) -> dict[str, Column]:
        if not value:
            raise ValueError("at least one column; found none")
        return value

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)


class VectorInput(InputPart):
    """One column of lists of numbers, all of one length: an embedding made elsewhere."""

    kind: Literal["vector"]
    column: str
    size: Annotated[int, Field(ge=1)]
    """Numbers of each list; a list of another length is quarantined."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)


class TextInput(InputPart):
    """One column of texts: a tokenizer fitted on train, and a network over its tokens."""

    kind: Literal["text"]
    column: str
    tokenizer: Literal["bpe", "wordpiece", "words"] = "bpe"
    vocabulary: Annotated[int, Field(ge=10)] = 8000
    """Different tokens at most, those for padding and for what is unknown among them."""
    lowercase: bool = True
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """What is longer is cut off behind so many tokens."""
    max_chars: Annotated[int, Field(ge=1)] = 100_000
    """A longer text is no text of a person: it is quarantined."""
    network: Literal["cnn", "lstm", "gru", "transformer"] = "cnn"
    pooling: Literal["max", "mean", "attention"] = "max"
    """How the tokens' representations become that of the text."""
    options: dict[str, float] = {}
    """Of the network; see the docs."""

    @field_validator("options")
    @classmethod
    def _numbers(cls, value: dict[str, float]) -> dict[str, float]:
        return dict(sorted(value.items()))

    @model_validator(mode="after")
    def _fits(self) -> TextInput:
        check_options(self.network, self.options, SEQUENCE_OPTIONS)
        if self.tokenizer == "bpe" and self.vocabulary < LEAST_BPE:
            raise ValueError(f"vocabulary of bpe: at least {LEAST_BPE}, since every byte is a token; found {self.vocabulary}")
        heads, embedding = (self.option(name) for name in ("heads", "embedding"))
        if self.network == "transformer" and embedding % heads:
            raise ValueError(f"heads of transformer that divide its embedding, {embedding:g}; found {heads:g}")
        return self

    def option(self, name: str) -> float:
        """As given, else its default; 0 for one that the network does not take."""
        return {**SEQUENCE_OPTIONS[self.network], **self.options}.get(name, 0)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)


def _kind(value: Any) -> str:
    """The kind of an input, as a mapping of the spec or made."""
    found = value.get("kind", "tabular") if isinstance(value, Mapping) else getattr(value, "kind", "tabular")
    return found if isinstance(found, str) else str(found)


INPUTS: dict[str, type[InputPart]] = {"tabular": TabularInput, "vector": VectorInput, "text": TextInput}
"""Kind -> its class."""

Input = Annotated[
    Annotated[TabularInput, Tag("tabular")] | Annotated[VectorInput, Tag("vector")] | Annotated[TextInput, Tag("text")],
    Discriminator(_kind),
]
"""An input of any kind."""
