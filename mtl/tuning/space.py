"""The search space: what may be varied, how a trial gets its values, and which of them have a say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl.spec import Choices, Range
from mtl.spec.options import ON_GRADIENTS, OWN_ROWS
from mtl.tuning.base import Base, Values
from mtl.tuning.options import Said, chooser_of, option_of

if TYPE_CHECKING:
    from optuna.trial import Trial

DIGITS = 3
"""Significant digits of a sampled number: what is printed and written is what was tried, to the last bit."""
DECIDING = ("model.sharing", "training.balancing", "training.sampler", "training.optimizer", "encoding.bins")
"""Keys that decide whether others have a say; they, and what decides about options, are sampled first."""
OWN_STOP = "separate"
"""The sharing in which tasks share nothing, so that no balancing has a say."""
AUTO = "auto"
"""The sharing that decides for itself, over weights of losses too; trials then share as it has decided last."""
ON_GRADIENTS_ONLY = ("training.at", "training.every")
WEIGHTED = {"training.balancing": ("fixed",), "training.sampler": ("by_weight",)}
"""Key → the balancings, and the samplers, that read `tasks.NAME.weight`."""


@dataclass(frozen=True)
class Dimension:
    """One key and what it may be."""

    key: str
    varied: Choices | Range
    whole: bool = False
    """Whether a range gives whole numbers."""

    def suggest(self, trial: Trial) -> Any:
        """A value for `trial`, drawn by Optuna's sampler."""
        if isinstance(self.varied, Range):
            return self._number(trial, self.varied)
        return self._by_name[trial.suggest_categorical(self.key, tuple(self._by_name))]

    def parameter(self, value: Any) -> Any:
        """`value` as Optuna names it. Raises KeyError if it is not in the space."""
        if isinstance(self.varied, Range):
            return self._inside(value, self.varied)
        return next(name for name in self._by_name if _same(self._by_name[name], value))

    def holds(self, value: Any) -> bool:
        """Whether `value` is in the space."""
        try:
            self.parameter(value)
        except (KeyError, StopIteration):
            return False
        return True

    @property
    def probes(self) -> tuple[Any, ...]:
        """Values that the spec must allow: each choice, or a range's two ends."""
        if isinstance(self.varied, Range):
            ends = (self.varied.low, self.varied.high)
            return tuple(int(end) for end in ends) if self.whole and all(end.is_integer() for end in ends) else ends
        return self.varied

    @property
    def _by_name(self) -> dict[Any, Any]:
        """Optuna takes scalars; a list (or a map) goes by its JSON."""
        scalar = (str, bool, int, float, type(None))
        return {value if isinstance(value, scalar) else json.dumps(value): value for value in self.varied}

    def _number(self, trial: Trial, over: Range) -> int | float:
        if self.whole:
            return int(trial.suggest_int(self.key, int(over.low), int(over.high), step=int(over.step or 1), log=over.log))
        drawn = trial.suggest_float(self.key, over.low, over.high, step=over.step, log=over.log)
        rounded = float(f"{drawn:.12g}") if over.step else float(f"{drawn:.{DIGITS}g}")
        return min(max(rounded, over.low), over.high)

    def _inside(self, value: Any, over: Range) -> int | float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        steps = (value - over.low) / (over.step or 1) if number else 0.5
        on_grid = abs(steps - round(steps)) < 1e-9 if over.step or self.whole else True
        if not number or not over.low <= value <= over.high or not on_grid:
            raise KeyError(self.key)
        return int(value) if self.whole else float(value)


@dataclass(frozen=True)
class Space:
    """All dimensions, the deciding ones first."""

    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: Trial, base: Base) -> Values:
        """Values of all keys that have a say, given those drawn before them."""
        values: Values = {}
        for one in self.dimensions:
            if has_say(one.key, saying(base, values)):
                values[one.key] = one.suggest(trial)
        return values

    def present(self, base: Base) -> Values:
        """What the spec as it stands says of the keys that have a say."""
        return {one.key: base.said(one.key) for one in self.dimensions if has_say(one.key, base.said)}

    def parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` as Optuna names them, without those that are outside the space."""
        return {
            one.key: one.parameter(values[one.key]) for one in self.dimensions if one.key in values and one.holds(values[one.key])
        }

    @property
    def reencodes(self) -> bool:
        """Whether it varies something that is decided before the aligned set."""
        return any(one.key.startswith(("encoding.", "inputs.")) for one in self.dimensions)


def saying(base: Base, values: Mapping[str, Any]) -> Said:
    """What a trial says at a key: its own value, else the spec's."""
    return lambda key: values[key] if key in values else base.said(key)


def decides(key: str) -> bool:
    """Whether `key` decides whether others have a say."""
    chooser = chooser_of(key)
    return key in DECIDING or (chooser is not None and key == chooser.key)


def has_say(key: str, said: Said) -> bool:
    """Whether the value of `key` can change anything in a trial that says `said`."""
    section = key.split(".")[0]
    shares, open_to_all = said("model.sharing") != OWN_STOP, said("model.sharing") not in (OWN_STOP, AUTO)
    if option := option_of(key):
        chooser, name = option
        return name in chooser.table(said).get(said(chooser.key), {}) and (shares or section != "training")
    if section == "tasks":
        return open_to_all and any(said(by) in names for by, names in WEIGHTED.items())
    if key == "training.balancing":
        return bool(open_to_all)
    if key in ON_GRADIENTS_ONLY:
        return shares and said("training.balancing") in ON_GRADIENTS
    if key == "training.sampler":
        return said("model.sharing") not in OWN_ROWS
    if key == "training.temperature":
        return bool(said("training.sampler") == "temperature")
    if key == "training.momentum":
        return bool(said("training.optimizer") == "sgd")
    if key == "model.bin_width":
        return said("encoding.bins") is not None
    return True


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
