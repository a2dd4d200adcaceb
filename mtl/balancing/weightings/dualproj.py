"""dualproj: the mean gradient, projected onto the cone that hurts no task (Lopez-Paz & Ranzato 2017, GEM, eq. 11, with
all tasks of the batch in the place of the past ones; so named in Quinton & Rey 2024)."""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.dual_cone import project
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class DualProj(Weighting):
    """The mean itself where it conflicts with nobody."""

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        moving = gradients.moving
        part = gradients.part(moving)
        weights = np.ones(len(present))
        weights[moving] = project(part, part.norms) / part.norms
        return weights / len(present)
