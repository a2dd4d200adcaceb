"""mgda: multiple-gradient descent (Désidéri 2012; Sener & Koltun 2018, arXiv:1810.04650, eq. 3).

The update is the shortest vector of the gradients' convex hull. It lowers every loss, at a rate of its own squared
length at least, and is zero exactly where nothing lowers all of them.
"""

from __future__ import annotations

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.solvers.min_norm import min_norm
from mtl.balancing.weighting import Weighting


class MGDA(Weighting):
    """Weights ≥ 0 of sum 1, exact where Frank-Wolfe stops early. One zero gradient makes the update zero, as it must."""

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        return min_norm(gradients)
