"""imtl_g: impartial multi-task learning, the gradient part (Liu et al. 2021, ICLR, eq. 4).

The combination of sum 1 whose projection onto every unit gradient is the same: û₁·d = … = û_t·d.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class IMTLG(Weighting):
    """Zero gradients weigh nothing. Linearly dependent gradients take the least solution, by pseudo-inverse (as in Quinton
    & Rey 2024); where no direction projects alike, of opposite gradients say, or the sum cannot be 1, all weights are 0.

    Weights may be negative, and so may the common projection: the paper asks for equality, not for descent."""

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        moving = gradients.moving
        part = gradients.part(moving)
        inverse = np.linalg.pinv(part.cosines, rcond=len(moving) * gradients.eps, hermitian=True)
        on_units = inverse.sum(1)
        weights = np.zeros(len(present))
        solved = on_units / part.norms
        total = solved.sum()
        # 1ᵀC⁺1 is at least 1 where Cβ = 1 has a solution, and its lack shows in full digits
        if on_units.sum() > 0.5 and abs(total) > 1e-12 * np.abs(solved).sum():
            weights[moving] = solved / total
        return weights
