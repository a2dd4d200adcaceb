"""Samplers: whose rows an epoch's batches hold, where tasks have rows of their own. One way a file.

What is sampled are units of tasks (`units`): tasks with labels on the same rows come with those rows in any case, so that
there is something to choose between units only. An epoch has as many steps as with `proportional`, the plain shuffle of all
rows (`mtl.training.dealing.joint`), whatever the sampler; a small unit's rows come several times in it, of a large one's a
part, and the next epochs go on where it ended (`visits`).
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from mtl.training.samplers.base import Asked
from mtl.training.samplers.round_robin import round_robin
from mtl.training.samplers.shares import by_weight, temperature, uniform
from mtl.training.samplers.units import Unit, units_of

PROPORTIONAL = "proportional"
"""The sampler that needs none."""
SAMPLERS: dict[str, Callable[[Asked], list[Tensor]]] = {
    "uniform": uniform,
    "temperature": temperature,
    "round_robin": round_robin,
    "by_weight": by_weight,
}
"""Name → what is asked → the epoch's batches, int64 [rows] each, on the CPU."""

__all__ = ["PROPORTIONAL", "SAMPLERS", "Asked", "Unit", "units_of"]
