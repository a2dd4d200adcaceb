"""The shortest vector on the right side of every gradient's hyperplane (Lawson & Hanson 1974, ch. 23: LDP).

    min ‖x‖  subject to  ûᵢ·x ≥ hᵢ;  at the optimum  x = Σ zᵢ ûᵢ,  z ≥ 0

Its dual is a non-negative least squares problem, which an active-set method solves to rounding, linearly dependent
gradients included. The min-norm point, the projection onto a dual cone and CAGrad's ball all come down to it.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array


def least_distance(root: Array, heights: Array) -> Array | None:
    """root [t, t], its columns the unit gradients ûᵢ; heights h [t] → z [t]; None where no x keeps all of them."""
    top = float(heights.max(initial=0.0))
    if top <= 0:
        return np.zeros_like(heights)
    u = dual(root, heights / top)
    square = float(np.square(root @ u).sum())  # = s − s², where s = 1/(1 + ‖x‖²/top²) is 1 − h·u/top
    s = 1 - float(heights @ u) / top
    if s < 0.5:  # the difference above has lost its digits; the root of the quadratic has them
        s = 2 * square / (1 + np.sqrt(max(1 - 4 * square, 0.0)))
    return None if s <= 1e-14 else u * (top / s)


def dual(root: Array, heights: Array) -> Array:
    """argmin of ‖Σ uᵢ ûᵢ‖² + (Σ uᵢhᵢ − 1)² over u ≥ 0 [t]: parallel to z."""
    from scipy.optimize import nnls  # a quarter of a second, for those who balance gradients

    scale = 1 / np.hypot(1, heights)
    matrix = np.vstack([root * scale, heights * scale])
    target = np.zeros(len(matrix))
    target[-1] = 1
    u, _ = nnls(matrix, target, maxiter=30 * len(heights))
    return np.asarray(u * scale)
