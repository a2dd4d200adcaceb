"""cagrad: conflict-averse gradient descent (Liu et al. 2021, arXiv:2110.14048, algorithm 1).

Within c ‖g₀‖ of the mean gradient g₀, the direction whose gain for the worst-off task is largest. c = 0 is the mean;
towards c = 1 it comes to MGDA's direction.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.conflict_averse import conflict_averse
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class CAGrad(Weighting):
    """1/T for the mean, and what the worst-off need on top. All zero at a stationary point (nothing helps all)."""

    def __init__(self, tasks: int, *, c: float = 0.4) -> None:
        super().__init__(tasks)
        self.c = c

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        added = conflict_averse(gradients, self.c)
        return np.zeros(len(present)) if added is None else 1 / len(present) + added
