"""The point of the gradients' convex hull that is nearest to zero (Wolfe 1976; Désidéri 2012, MGDA)."""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.solvers.least_distance import dual


def min_norm(gradients: Geometry) -> Array:
    """α [t] ≥ 0 with Σα = 1 that makes ‖Σ αᵢ gᵢ‖ least.

    Exact: the square is within 1e-6 of the least one, or within 1e-14 of the shortest gradient's own square where the
    least is below that. Zero gradients share all weight: they are the nearest point. Of equal gradients one may get
    the weight of both; the point is the same.

    The hull's nearest point p and the shortest x with gᵢ·x ≥ 1 are the same up to length: x = p/‖p‖² (Lawson & Hanson).
    """
    still = gradients.norms == 0
    if still.any():
        return np.asarray(still / still.sum())
    inverse = gradients.norms.min() / gradients.norms
    weights = dual(gradients.root, inverse) * inverse
    return np.asarray(weights / weights.sum())


def stationary(gradients: Geometry) -> bool:
    """Whether no direction lowers every loss, as far as rounding lets one tell: the hull of the gradients that are not
    zero holds zero (Pareto stationarity). Which lengths they have does not matter for that."""
    part = gradients.part(gradients.moving)
    weights = dual(part.root, np.ones(len(part.norms)))
    weights = weights / weights.sum()
    return bool(weights @ part.cosines @ weights <= gradients.tolerance())
