"""Projection onto the cone of directions that hurt no task, {x: gᵢ·x ≥ 0} (Lopez-Paz & Ranzato 2017, eq. 11)."""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.solvers.least_distance import least_distance
from mtl.balancing.solvers.pivoting import complementary


def project(gradients: Geometry, start: Array) -> Array:
    """start [t]: coefficients of a vector on the unit gradients → coefficients [t] of the nearest vector of the cone.

    Only ever adds to a coefficient (of a task that the vector would hurt). Zero gradients constrain nothing.
    """
    length = np.sqrt(max(float(start @ gradients.cosines @ start), 0.0))
    if length == 0:
        return start
    added = least_distance(gradients.root, -(gradients.cosines @ start) / length)
    return start if added is None else start + length * added  # the cone is never empty: None is rounding alone


def project_each(gradients: Geometry) -> Array:
    """[t, t]: row i holds the coefficients, on the unit gradients, of ûᵢ's own projection."""
    units = np.eye(len(gradients.norms))
    added, solved = np.zeros_like(units), np.zeros(len(units), dtype=bool)
    if gradients.independent:
        added, solved = complementary(gradients.cosines, gradients.cosines)
    for row in np.flatnonzero(~solved):
        added[row] = project(gradients, units[row]) - units[row]
    return units + added
