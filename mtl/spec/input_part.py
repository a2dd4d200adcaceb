"""What inputs of every kind have: where they come from, and which columns they read."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pydantic import field_validator, model_validator

from mtl.spec.base import Part, each_once


class InputPart(Part, ABC):
    """What inputs of every kind have."""

    source: str = ""
    sources: tuple[str, ...] = ()
    """Instead of `source`: several, each of another entity, with this column in each of them."""

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
