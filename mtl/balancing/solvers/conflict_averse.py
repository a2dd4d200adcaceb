"""CAGrad's problem (Liu 2021, eq. 1): the direction that serves the worst-off task best, near the mean gradient.

    max over d of minᵢ gᵢ·d,  ‖d − g₀‖ ≤ c ‖g₀‖,  g₀ the mean

Turned round: for a gain y that every task shall have, the shortest x = d − g₀ that reaches it is a least distance
problem, ‖x(y)‖ is convex and rises with y, and the y where it is c ‖g₀‖ is found by Newton from the right.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.solvers.least_distance import least_distance
from mtl.balancing.solvers.min_norm import stationary

STEPS = 100


def conflict_averse(gradients: Geometry, radius: float) -> Array:
    """v [t] ≥ 0 with d = g₀ + Σ vᵢ gᵢ; radius c in [0, 1). Exact to 1e-6 of the direction's length.

    Tasks with a zero gradient are in the mean, but not among those whose gain counts: theirs is always 0. Where the best
    gain is 0, which many d of the ball may reach (at a Pareto-stationary point), it is the d nearest to the mean.
    """
    moving = gradients.moving
    part = gradients.part(moving)
    mean = part.norms / len(gradients.norms)  # coefficients of g₀ on the unit gradients
    length = np.sqrt(max(float(mean @ part.cosines @ mean), 0.0))
    added = np.zeros(len(gradients.norms))
    if radius > 0 and length > np.sqrt(part.tolerance()) * mean.max():
        ball = _Ball(part, part.cosines @ mean / length, radius)
        found = ball.solve()
        if found is not None:  # None is rounding alone, and the mean is in the ball
            added[moving] = found * length / part.norms
    return added


class _Ball:
    """The problem with ‖g₀‖ = 1 on unit gradients; a task's gain is counted in units of the shortest gradient."""

    def __init__(self, part: Geometry, slopes: Array, radius: float) -> None:
        self.part, self.slopes, self.radius = part, slopes, radius
        self.gains = part.norms.min() / part.norms

    def solve(self) -> Array | None:
        """z [t]; None where rounding leaves no solution."""
        y = float(((self.slopes + self.radius) / self.gains).min())  # further than any task alone allows
        if y > 0 and stationary(self.part):
            y = 0.0
            z = self.reach(y)
            if z is None or self.distance(z) <= self.radius:
                return z
        z = self.reach(y)
        for _ in range(STEPS):
            if z is None:
                return None
            distance = self.distance(z)
            excess = distance - self.radius
            if excess <= 1e-9 * self.radius:
                break
            y -= excess * distance / float(self.gains @ z)
            z = self.reach(y)
        return None if z is None else z * (self.radius / max(self.distance(z), 1e-300))

    def reach(self, y: float) -> Array | None:
        return least_distance(self.part.root, y * self.gains - self.slopes)

    def distance(self, z: Array) -> float:
        return float(np.sqrt(np.square(self.part.root @ z).sum()))
