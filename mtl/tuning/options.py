"""What decides which `options` there are: the sharing for a model, the balancing for training, the network for an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mtl.spec import Spec
from mtl.spec.options import BALANCING_OPTIONS, NETWORK_OPTIONS, SHARING_OPTIONS

OPTIONS: dict[str, tuple[str, Mapping[str, Mapping[str, float]]]] = {
    "model": ("sharing", SHARING_OPTIONS),
    "training": ("balancing", BALANCING_OPTIONS),
    "inputs": ("network", {}),
}
"""Section -> the name of the key that decides which `options` stand beside it, and the table of them; of inputs each kind has
its own."""
Said = Callable[[str], Any]
"""What a trial, or the spec, says at a dotted key."""


@dataclass(frozen=True)
class Chooser:
    """The key of one part of the spec that decides which options that part takes."""

    part: tuple[str, ...]
    """`("model",)`, `("inputs", "note")`."""

    @property
    def key(self) -> str:
        return ".".join((*self.part, OPTIONS[self.part[0]][0]))

    def table(self, said: Said) -> Mapping[str, Mapping[str, float]]:
        """Choice -> option -> default, in a spec that says so."""
        if self.part[0] != "inputs":
            return OPTIONS[self.part[0]][1]
        return NETWORK_OPTIONS.get(said(".".join((*self.part, "kind"))), {})

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
    read = [("inputs", name) for name, one in spec.inputs.items() if one.kind in NETWORK_OPTIONS]
    return [Chooser(part) for part in (("model",), ("training",), *read)]
