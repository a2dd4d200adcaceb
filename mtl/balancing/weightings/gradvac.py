"""gradvac: gradient vaccine (Wang et al. 2021, arXiv:2010.05874, algorithm 1).

As in PCGrad each gradient meets the others in random order, but it is turned until its cosine with gⱼ is at least
what it has been on average, φ̂ᵢⱼ (their eq. 2), which then follows: φ̂ ← (1 − β) φ̂ + β φ.

The authors published no code. β = 0.01 is what the replication chenllliang/Gradient-Vaccine runs as the paper's setting;
LibMTL and TorchJD have 0.5 for a default, with which φ̂ is little more than the last step's cosine.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting
from mtl.balancing.weightings.orders import orders
from mtl.balancing.weightings.pcgrad import total

CLOSEST = 1 - 1e-6
"""Largest cosine to turn to. At 1 only gⱼ itself would do, and the correction divides by zero."""


class GradVac(Weighting):
    """All tasks take their n-th meeting at once. Zero gradients turn nobody, and leave the averages as they are."""

    expected: Tensor
    """[task, task] φ̂ of all tasks; starts at 0, where the method is PCGrad."""

    def __init__(self, tasks: int, *, beta: float = 0.01) -> None:
        super().__init__(tasks)
        self.beta = beta
        self.register_buffer("expected", torch.zeros(tasks, tasks, dtype=torch.float64))

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        count = len(present)
        rows = np.arange(count)
        kept, along = np.eye(count), gradients.cosines.copy()
        square = np.ones(count)  # of the length of each row's vector
        moves = gradients.norms > 0
        expected = self.expected.cpu().numpy()[np.ix_(present, present)]
        for others in orders(count):
            meets = moves & moves[others] & (square > 0)
            product, target = along[rows, others], expected[rows, others]
            length = np.sqrt(np.where(meets, square, 1.0))
            cosine = np.minimum(np.maximum(product / length, -1), 1)
            expected[rows, others] = np.where(meets, (1 - self.beta) * target + self.beta * cosine, target)
            added = np.where(meets & (cosine < target), length * turn(cosine, target), 0.0)
            kept[rows, others] += added
            along += added[:, None] * gradients.cosines[others]
            square = np.maximum(square + added * (2 * product + added), 0)
        self.expected[np.ix_(present, present)] = torch.from_numpy(expected).to(self.expected)
        return total(kept, gradients.norms)


def turn(cosine: Array, target: Array) -> Array:
    """How much of ûⱼ to add to a unit vector at `cosine` to it, to bring it to `target` (eq. 2)."""
    target = np.minimum(target, CLOSEST)
    wanted = np.sqrt(1 - target**2)
    return np.asarray(np.maximum(target * np.sqrt(1 - cosine**2) / wanted - cosine, 0.0))
