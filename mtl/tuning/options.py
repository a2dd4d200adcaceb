"""What decides which `options` there are: the sharing for a model, the balancing for training, the network for a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mtl.spec import Spec, TextInput
from mtl.spec.options import BALANCING_OPTIONS, SEQUENCE_OPTIONS, SHARING_OPTIONS

OPTIONS = {
    "model": ("sharing", SHARING_OPTIONS),
    "training": ("balancing", BALANCING_OPTIONS),
    "inputs": ("network", SEQUENCE_OPTIONS),
}
"""Section -> the name of the key that decides which `options` stand beside it, and the table of them."""


@dataclass(frozen=True)
class Chooser:
    """The key of one part of the spec that decides which options that part takes."""

    part: tuple[str, ...]
    """`("model",)`, `("inputs", "note")`."""

    @property
    def key(self) -> str:
        return ".".join((*self.part, OPTIONS[self.part[0]][0]))

    @property
    def table(self) -> Mapping[str, Mapping[str, float]]:
        """Choice -> option -> default."""
        return OPTIONS[self.part[0]][1]

    def option(self, key: str) -> str | None:
        """The name of the option that `key` is; None if it is none of this part's."""
        before = ".".join((*self.part, "options", ""))
        return key.removeprefix(before) if key.startswith(before) else None

    def beside(self, data: Any) -> Any:
        """This part of params.yaml as data."""
        for step in self.part:
            data = data[step]
        return data


def chooser_of(key: str) -> Chooser | None:
    """What decides about options in the part of the spec that `key` stands in; None where there are none."""
    section, *rest = key.split(".")
    if section not in OPTIONS:
        return None
    return Chooser((section, *(rest[:1] if section == "inputs" else ())))


def option_of(key: str) -> tuple[Chooser, str] | None:
    """Which option `key` is, and what decides whether there is one; None for any other key."""
    chooser = chooser_of(key)
    name = chooser.option(key) if chooser else None
    return (chooser, name) if chooser and name else None


def choosers(spec: Spec) -> list[Chooser]:
    """All that this spec has."""
    texts = [("inputs", name) for name, one in spec.inputs.items() if isinstance(one, TextInput)]
    return [Chooser(part) for part in (("model",), ("training",), *texts)]
