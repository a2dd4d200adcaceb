"""Mixes: every task in one trunk that was tried, or alone. Groups that share nothing can be put together from several trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mtl.choosing.choice import Groups
from mtl.choosing.gains import Array, Gain
from mtl.choosing.trials import Trial


@dataclass(frozen=True)
class Trunk:
    """Tasks that were trained together, and what each of them gained by it."""

    sharing: str
    tasks: tuple[str, ...]
    gains: dict[str, Gain]
    weights: dict[str, float]

    @property
    def hurt(self) -> list[str]:
        return [name for name in self.tasks if self.gains[name].hurt]


@dataclass(frozen=True)
class Mix:
    """Trunks that share no task, and of all `tasks` those that stand alone: a gain of 0, without a doubt."""

    tasks: tuple[str, ...]
    trunks: tuple[Trunk, ...]

    @cached_property
    def gains(self) -> dict[str, Gain]:
        return {name: gain for trunk in self.trunks for name, gain in trunk.gains.items()}

    @property
    def alone(self) -> list[str]:
        return [name for name in self.tasks if name not in self.gains]

    @property
    def score(self) -> float:
        """Mean likely gain over all tasks, percent."""
        return sum(gain.likely for gain in self.gains.values()) / len(self.tasks)

    @property
    def hurt(self) -> list[str]:
        return [name for trunk in self.trunks for name in trunk.hurt]

    @property
    def networks(self) -> int:
        return len(self.trunks) + len(self.alone)

    @property
    def size(self) -> tuple[int, bool]:
        """Networks, and whether they are more than plain trunks: what a mix costs, in order."""
        return self.networks, self.sharing not in ("shared_bottom", "separate")

    @property
    def sharing(self) -> str:
        return self.trunks[0].sharing if self.trunks else "separate"

    @property
    def groups(self) -> Groups | None:
        """Of a shared bottom with more than one trunk: every task in one group."""
        if not self.trunks or self.networks == 1:
            return None
        return (*(trunk.tasks for trunk in self.trunks), *((name,) for name in self.alone))

    @property
    def weights(self) -> dict[str, float]:
        return {name: weight for trunk in self.trunks for name, weight in trunk.weights.items()}

    def folds(self, count: int) -> Array:
        """[fold]: mean measured gain over all tasks on each fold, percent; an undefined one counts as none."""
        each = [np.nan_to_num(np.array(gain.folds)) for gain in self.gains.values()]
        return np.sum(each, axis=0) / len(self.tasks) if each else np.zeros(count)


def trunks_of(trials: Sequence[Trial]) -> list[Trunk]:
    """Every trunk that was tried."""
    found = []
    for trial in trials:
        weights = dict(trial.of.weights)
        for group in trial.of.groups:
            chosen = {name: weights[name] for name in group if name in weights}
            found.append(Trunk(trial.of.sharing, group, {name: trial.gains[name] for name in group}, chosen))
    return found


def mixes_of(tasks: Sequence[str], trunks: Sequence[Trunk]) -> list[Mix]:
    """Every mix of these trunks. Only shared bottoms stand beside others in one network."""
    found = [Mix(tuple(tasks), ())]
    for trunk in trunks:
        mixable = trunk.sharing == "shared_bottom"
        for mix in list(found):
            taken = set(mix.gains)
            fits = not taken & set(trunk.tasks)
            if (
                fits
                and (mixable or (not mix.trunks and len(trunk.tasks) == len(tasks)))
                and all(one.sharing == "shared_bottom" for one in mix.trunks)
            ):
                found.append(Mix(tuple(tasks), (*mix.trunks, trunk)))
    return found


def best_of(mixes: Sequence[Mix], folds: int) -> Mix:
    """Of the mixes in which no task is clearly worse than alone: the one of the best score. A larger mix (more networks, or
    another sharing than one trunk) has to be ahead of a smaller one by more than the error of their difference over folds.
    """
    sound = sorted((mix for mix in mixes if not mix.hurt), key=lambda mix: (mix.size, -mix.score))
    best = sound[0]
    for mix in sound[1:]:
        margin = _error(mix.folds(folds) - best.folds(folds)) if mix.size > best.size else 0.0
        if mix.score > best.score + margin:
            best = mix
    return best


def _error(differences: Array) -> float:
    """Standard error of their mean; 0 where there is one only."""
    return float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else 0.0
