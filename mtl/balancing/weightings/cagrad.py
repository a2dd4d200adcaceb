"""cagrad: conflict-averse gradient descent (Liu et al. 2021, arXiv:2110.14048, algorithm 1).

Within c ‖g₀‖ of the mean gradient g₀, the direction whose gain for the worst-off task is largest. c = 0 is the mean;
towards c = 1 it comes to MGDA's direction.

For c < 1, all that can be asked for here, it comes to rest only where the mean loss is stationary (theorem 3.2): zero lies
outside the ball as long as g₀ is not zero, so it goes on through points that are Pareto-stationary and no more. With c ≥ 1
it may rest at any Pareto-stationary point.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.conflict_averse import conflict_averse
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class CAGrad(Weighting):
    """1/T for the mean, and what the worst-off need on top. Where nothing helps all, the nearest to the mean that hurts
    nobody, if the ball has such a direction."""

    def __init__(self, tasks: int, *, c: float = 0.4) -> None:
        super().__init__(tasks)
        self.c = c

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        return np.asarray(1 / len(present) + conflict_averse(gradients, self.c))
