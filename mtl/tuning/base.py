"""The spec as it stands: what every trial is a variation of."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from mtl.spec import SPEC, Spec, parse_spec, read_spec
from mtl.tuning.options import choosers, option_of

Values = dict[str, Any]
"""Dotted key of params.yaml -> its value in a trial."""


@dataclass(frozen=True)
class Base:
    """params.yaml as it was read: its text, and the spec in it."""

    text: str

    @classmethod
    def read(cls, path: Path = Path(SPEC)) -> Base:
        """Raises SpecError, with line and key, if it is no spec."""
        read_spec(path)
        return cls(path.read_text(encoding="utf-8"))

    @cached_property
    def raw(self) -> dict[str, Any]:
        return dict(YAML(typ="safe", pure=True).load(self.text))

    @cached_property
    def spec(self) -> Spec:
        return parse_spec(self.raw)

    def said(self, key: str) -> Any:
        """What the spec says at a dotted key, defaults included; None where it says nothing."""
        return said_in(self.spec, key)

    def with_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """params.yaml as data with these values in it.

        Options belong to a sharing, a balancing or a network: where a trial has another one, those of the present one go.
        """
        new = copy.deepcopy(self.raw)
        differing = self.differing(values)
        for chooser in choosers(self.spec):
            if chooser.key in differing:
                chooser.beside(new).pop("options", None)
        for key, value in values.items():
            *path, last = key.split(".")
            here = new
            for step in path:
                if here.get(step) is None:
                    here[step] = {}
                here = here[step]
            here[last] = value
        return new

    def spec_with(self, values: Mapping[str, Any]) -> Spec:
        """The spec of a trial. Raises SpecError if these values do not go together."""
        return parse_spec(self.with_values(values))

    def differing(self, values: Mapping[str, Any]) -> Values:
        """Those of `values` that the spec as it stands does not have; with another choice, all options of it."""
        found = {key for key, value in values.items() if value != self.said(key)}
        found |= {key for key in values if (option := option_of(key)) and option[0].key in found}
        return {key: value for key, value in values.items() if key in found}


def said_in(spec: Spec, key: str) -> Any:
    """What `spec` says at a dotted key, defaults included; None where it says nothing."""
    here: Any = spec
    for step in key.split("."):
        here = getattr(here, step, None) if isinstance(here, BaseModel) else _in(here, step)
    if here is None and (option := option_of(key)):
        chooser, name = option
        return chooser.table(lambda key: said_in(spec, key)).get(said_in(spec, chooser.key), {}).get(name)
    return here


def _in(here: Any, step: str) -> Any:
    return here.get(step) if isinstance(here, Mapping) else None
