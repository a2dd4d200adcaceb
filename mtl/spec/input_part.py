"""What inputs of several kinds have: where they come from, which columns they read, and what is said of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import AfterValidator, field_validator, model_validator

from mtl.spec.base import Part, each_once

Pooling = Literal["max", "mean", "attention"]
"""How what a network makes of tokens or moments becomes that of the row."""
Options = Annotated[dict[str, float], AfterValidator(lambda value: dict(sorted(value.items())))]
"""Of a network, by name; see the docs."""


class InputPart(Part, ABC):
    """What inputs of every kind have."""

    source: str = ""
    sources: tuple[str, ...] = ()
    """Instead of `source`: several, each of another entity, with this column in each of them."""
    kind: str
    """A word of `INPUTS`; here so that it stands before the keys of a kind."""

    @field_validator("sources")
    @classmethod
    def _differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return each_once("source", value, least=0)

    @model_validator(mode="after")
    def _comes_from_somewhere(self) -> InputPart:
        if bool(self.source) == bool(self.sources):
            found = "both" if self.source else "neither"
            raise ValueError(f"source, the name of one, or sources, a list of several; found {found}")
        return self

    @property
    def all_sources(self) -> tuple[str, ...]:
        """The sources it reads, one or several."""
        return (self.source,) if self.source else self.sources

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The source's columns that it reads."""


class ColumnInput(InputPart, ABC):
    """What inputs of one column have."""

    column: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.column,)
