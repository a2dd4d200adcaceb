"""What a sampler is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl.training.dealing import dealt
from mtl.training.samplers.units import Unit
from mtl.training.samplers.visits import visits


@dataclass(frozen=True)
class Asked:
    """One epoch, to be dealt from `units` into `count` batches.

    weights: of each task, as the spec gives them; temperature: T of the sampler of that name. What is dealt is a function of
    `seed` and `epoch`, which counts from 1; `generator` is the epoch's own. lengths int64 [rows]: rows of like length come
    together; None where all rows are alike.
    """

    units: Sequence[Unit]
    weights: Sequence[float]
    temperature: float
    seed: int
    epoch: int
    count: int
    generator: torch.Generator
    lengths: Tensor | None = None

    @property
    def sizes(self) -> Tensor:
        """float64 [unit]: rows of each."""
        return torch.tensor([len(unit.rows) for unit in self.units], dtype=torch.float64)

    def rows(self, unit: int, start: int, stop: int) -> Tensor:
        """Rows `start` to `stop` of the order in which this run goes through the unit, over all its epochs."""
        return visits(self.units[unit].rows, start, stop, self.seed, self.units[unit].tasks[0])

    def dealt(self, draws: Sequence[Tensor], count: int) -> list[Tensor]:
        """Draws of units in so many batches; see `mtl.training.dealing.dealt`."""
        return dealt(draws, count, self.generator, self.lengths)
