"""Inputs: which columns of a source are read, by which encoder. One class a kind; `kind: tabular` need not be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from mtl.spec.input_part import ColumnInput, InputPart, Options, Pooling
from mtl.spec.media import AudioInput, ImageInput
from mtl.spec.options import PRETRAINED_OPTIONS, check_options, check_sequence
from mtl.spec.tables import Column

SequenceNetwork = Literal["cnn", "lstm", "gru", "transformer"]
"""Of what reads tokens."""
LEAST_BPE = 300
"""Tokens of byte-level pair encoding: one for each of 256 bytes, padding, unknown, and some pairs."""


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

    @model_validator(mode="after")
    def _of_one_source(self) -> TabularInput:
        if len(self.sources) > 1:
            raise ValueError(f"one source of a table, since only inputs of one column may have several; found {len(self.sources)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)


class VectorInput(ColumnInput):
    """One column of lists of numbers, all of one length: an embedding made elsewhere; or of lists of bits, a fingerprint."""

    kind: Literal["vector"]
    size: Annotated[int, Field(ge=1)]
    """Numbers of each list; a list of another length is quarantined."""
    format: Literal["numbers", "bits"] = "numbers"
    """bits: a list says which of `size` bits are 1, by their places from 0 on; with any other place it is quarantined."""


class TextInput(ColumnInput):
    """One column of texts: a tokenizer fitted on train, and a network over its tokens."""

    kind: Literal["text"]
    tokenizer: Literal["bpe", "wordpiece", "words"] = "bpe"
    vocabulary: Annotated[int, Field(ge=10)] = 8000
    """Different tokens at most, those for padding and for what is unknown among them."""
    lowercase: bool = True
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """What is longer is cut off behind so many tokens."""
    max_chars: Annotated[int, Field(ge=1)] = 100_000
    """A longer text is no text of a person: it is quarantined."""
    network: SequenceNetwork = "cnn"
    pooling: Pooling = "max"
    """How the tokens' representations become that of the text."""
    options: Options = {}

    @model_validator(mode="after")
    def _fits(self) -> TextInput:
        check_sequence(self.network, self.options)
        if self.tokenizer == "bpe" and self.vocabulary < LEAST_BPE:
            raise ValueError(f"vocabulary of bpe: at least {LEAST_BPE}, since every byte is a token; found {self.vocabulary}")
        return self


class TokensInput(ColumnInput):
    """One column of lists of tokens, or of texts whose tokens stand between blanks: words known of train, and a network over
    tokens. What tags tokens reads such an input."""

    kind: Literal["tokens"]
    vocabulary: Annotated[int, Field(ge=1)] = 20_000
    """Words that are known, at most: the most frequent."""
    least: Annotated[int, Field(ge=1)] = 2
    """How often train has a word at least that is known."""
    lowercase: bool = True
    affixes: Annotated[int, Field(ge=0)] = 16_384
    """Places of the hashed table of what words begin and end with, and of their shapes; 0: words alone."""
    max_tokens: Annotated[int, Field(ge=1)] = 256
    """What is longer is cut off behind so many tokens, its tags too."""
    max_chars: Annotated[int, Field(ge=1)] = 100_000
    """Characters of all tokens of a row; with more it is quarantined."""
    network: SequenceNetwork = "lstm"
    pooling: Pooling = "max"
    """How the tokens' representations become that of the row, for tasks that read it as a whole."""
    options: Options = {}

    @model_validator(mode="after")
    def _fits(self) -> TokensInput:
        check_sequence(self.network, self.options)
        return self


class PretrainedTextInput(ColumnInput):
    """One column of texts, read by an encoder that comes trained, as Hugging Face's transformers knows them."""

    kind: Literal["pretrained_text"]
    model: Annotated[str, Field(min_length=1)]
    """A folder of the project, `package:NAME/FOLDER` of an installed package, or a name that the hub's local cache has."""
    mode: Literal["frozen", "lora", "finetune"] = "frozen"
    """frozen: a text becomes a vector, once and for all; lora: low-rank updates of its layers are learned; finetune: all of it."""
    pooling: Literal["mean", "cls"] = "mean"
    """How the tokens' representations become that of the text: their mean, or that of the first one."""
    max_tokens: Annotated[int, Field(ge=3)] = 256
    """What is longer is cut off behind so many; those that the model puts around a text are counted."""
    max_chars: Annotated[int, Field(ge=1)] = 100_000
    """A longer text is no text of a person: it is quarantined."""
    precision: Literal["float32", "bf16"] = "float32"
    """Of frozen vectors; where the encoder learns, training.precision says it."""
    options: dict[str, float] = {}
    """Of the mode; see the docs."""

    @model_validator(mode="after")
    def _fits(self) -> PretrainedTextInput:
        check_options(self.mode, self.options, PRETRAINED_OPTIONS)
        if self.precision != "float32" and self.mode != "frozen":
            raise ValueError(f"precision with mode: frozen (else training.precision says it); found it with mode: {self.mode}")
        return self


def _kind(value: Any) -> str:
    """The kind of an input, as a mapping of the spec or made."""
    found = value.get("kind", "tabular") if isinstance(value, Mapping) else getattr(value, "kind", "tabular")
    return found if isinstance(found, str) else str(found)


MEDIA = ("audio", "image")
"""Kinds whose cells are bytes."""

INPUTS: dict[str, type[InputPart]] = {
    "tabular": TabularInput,
    "vector": VectorInput,
    "text": TextInput,
    "tokens": TokensInput,
    "audio": AudioInput,
    "image": ImageInput,
    "pretrained_text": PretrainedTextInput,
}
"""Kind -> its class."""

Input = Annotated[
    Annotated[TabularInput, Tag("tabular")]
    | Annotated[VectorInput, Tag("vector")]
    | Annotated[TextInput, Tag("text")]
    | Annotated[TokensInput, Tag("tokens")]
    | Annotated[AudioInput, Tag("audio")]
    | Annotated[ImageInput, Tag("image")]
    | Annotated[PretrainedTextInput, Tag("pretrained_text")],
    Discriminator(_kind),
]
"""An input of any kind."""
