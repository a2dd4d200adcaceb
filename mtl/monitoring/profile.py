"""A profile: what a version's training rows looked like, or a batch's; as JSON beside the version, or in a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from mtl.errors import RegistryError
from mtl.monitoring.parts import Part, Presence, Vectors, part_of

FORMAT = 1
OF_EACH = ("predictions", "alone", "inputs", "embeddings")
"""Fields of a profile that are kept by source."""
P = TypeVar("P", bound=Part)
OfEach = dict[str, dict[str, P]]


@dataclass(frozen=True)
class Profile:
    """Columns and labels of rows; and, of a sample of them, what the model makes of these."""

    columns: dict[str, Part] = field(default_factory=dict)
    """SOURCE.COLUMN -> its cells."""
    labels: dict[str, Part] = field(default_factory=dict)
    """Task -> its labels."""
    predictions: OfEach[Part] = field(default_factory=dict)
    """Source -> task -> what the model predicts of the rows that the source knows."""
    alone: OfEach[Part] = field(default_factory=dict)
    """The same where the model is shown the source's own inputs and no other's; empty where there are no others."""
    inputs: OfEach[Presence] = field(default_factory=dict)
    """Source -> input -> whether these rows have it."""
    embeddings: OfEach[Vectors] = field(default_factory=dict)
    """Source -> COLUMN@INPUT -> what the model reads or makes of its cells, as vectors."""

    def as_json(self) -> dict[str, Any]:
        of_each = {name: _json_of_each(getattr(self, name)) for name in OF_EACH}
        return {"format": FORMAT, "columns": _json(self.columns), "labels": _json(self.labels), **of_each}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Profile:
        """From what `as_json` gave. Raises RegistryError for a profile of another format."""
        if data.get("format") != FORMAT:
            raise RegistryError(
                "the reference profile", expected=f"format {FORMAT}", found=str(data.get("format")), do="register anew: `mtl run`"
            )
        parts = {name: {key: part_of(one) for key, one in data[name].items()} for name in ("columns", "labels")}
        of_each = {
            name: {source: {key: part_of(one) for key, one in of.items()} for source, of in data[name].items()} for name in OF_EACH
        }
        return cls(**cast("dict[str, Any]", parts | of_each))


def _json(parts: Mapping[str, Part]) -> dict[str, Any]:
    return {name: one.as_json() for name, one in parts.items()}


def _json_of_each(parts: Mapping[str, Mapping[str, Part]]) -> dict[str, Any]:
    return {source: _json(of) for source, of in parts.items()}
