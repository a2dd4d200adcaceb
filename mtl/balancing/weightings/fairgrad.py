"""fairgrad: fair resource allocation (Ban & Ji 2024, arXiv:2402.15638, eq. 4): Gw = w^(−1/α).

Maximises the tasks' α-fair utility of their gains: α near 0 is the plain sum, 1 is Nash bargaining (proportional
fairness), 2 weighs the potential delay, large α looks at the least gain alone.

α = 2 is what the authors' scripts for CelebA and QM9 run (OptMN-Lab/fairgrad, experiments/*/run.sh); where none is given,
and in reinforcement learning, their code has 1.
"""

from __future__ import annotations

from mtl.balancing.solvers.fair import fair
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class FairGrad(Weighting):
    """Positive weights; all zero at a Pareto-stationary point."""

    def __init__(self, tasks: int, *, alpha: float = 2.0) -> None:
        super().__init__(tasks)
        self.alpha = alpha

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        return fair(gradients, 1 / self.alpha)
