"""aligned: independent component alignment (Senushkin et al. 2023, arXiv:2305.19000, Aligned-MTL, algorithm 1).

The gradients' matrix is replaced by the nearest one whose singular values are all equal, to the least of its own: no
direction dominates and none conflicts. On the Gramian G = VΛVᵀ that is α = √λ_min V Λ^(−½) Vᵀ w, with w = 1/t.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class Aligned(Weighting):
    """Directions whose eigenvalue is rounding, of the type the Gramian came in, count as missing."""

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        values, vectors = np.linalg.eigh(gradients.gramian)
        kept = values > values[-1] * len(present) * gradients.eps
        values, vectors = values[kept], vectors[:, kept]
        return np.asarray(vectors @ (np.sqrt(values[0] / values) * (vectors.sum(0) / len(present))))
