"""upgrad: Jacobian descent's aggregator (Quinton & Rey 2024, arXiv:2406.16232, eq. 4).

Each gradient is projected onto the cone of directions that hurt no task; the update is the mean of the projections.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.dual_cone import project_each
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class UPGrad(Weighting):
    """Never conflicts, and linear under the scaling of a task."""

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        moving = gradients.moving
        part = gradients.part(moving)
        weights = np.ones(len(present))  # of zero gradients: they add nothing
        weights[moving] = part.norms @ project_each(part) / part.norms
        return weights / len(present)
