"""pcgrad: projecting conflicting gradients (Yu et al. 2020, arXiv:2001.06782, algorithm 1).

Each task's gradient meets the others one after the other, in an order drawn anew; where it opposes gⱼ (as it is, not
as projected), its part along gⱼ goes. The update is the sum of what is left of each.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting
from mtl.balancing.weightings.orders import orders


class PCGrad(Weighting):
    """All tasks take their n-th meeting at once. A zero gradient opposes nobody."""

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        count = len(present)
        rows = np.arange(count)
        kept = np.eye(count)  # row i: gᵢ as projected so far, on the unit gradients, in units of ‖gᵢ‖
        along = gradients.cosines.copy()  # [i, j]: that row's product with ûⱼ
        for others in orders(count):
            away = np.maximum(-along[rows, others], 0)
            kept[rows, others] += away
            along += away[:, None] * gradients.cosines[others]
        return total(kept, gradients.norms)


def total(kept: Array, norms: Array) -> Array:
    """Rows of coefficients on the unit gradients, in units of each row's own norm → weights of the sum of all rows.

    A zero gradient weighs 1: whatever it weighs, it adds nothing."""
    inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return np.asarray(np.where(norms > 0, norms @ kept * inverse, 1.0))
