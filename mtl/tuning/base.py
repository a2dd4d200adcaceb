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
from mtl.spec.options import BALANCING_OPTIONS, SHARING_OPTIONS

Values = dict[str, Any]
"""Dotted key of params.yaml -> its value in a trial."""

OPTIONS = {"model": ("sharing", SHARING_OPTIONS), "training": ("balancing", BALANCING_OPTIONS)}
"""Section -> the key that decides which `options` it takes, and the table of them."""


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
        section, *rest = key.split(".")
        if rest[:1] == ["options"] and section in OPTIONS:
            chooser, table = OPTIONS[section]
            part = getattr(self.spec, section)
            return {**table.get(getattr(part, chooser), {}), **part.options}.get(".".join(rest[1:]))
        here: Any = self.spec
        for step in key.split("."):
            here = getattr(here, step, None) if isinstance(here, BaseModel) else _in(here, step)
        return here

    def with_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """params.yaml as data with these values in it.

        Options belong to a sharing or a balancing: where a trial has another one, those of the present one go.
        """
        new = copy.deepcopy(self.raw)
        for section, (chooser, _) in OPTIONS.items():
            if values.get(f"{section}.{chooser}", self.said(f"{section}.{chooser}")) != self.said(f"{section}.{chooser}"):
                new[section].pop("options", None)
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
        """Those of `values` that the spec as it stands does not have."""
        return {key: value for key, value in values.items() if value != self.said(key)}


def _in(here: Any, step: str) -> Any:
    return here.get(step) if isinstance(here, Mapping) else None
