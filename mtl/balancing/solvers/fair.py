"""Bargaining and fairness: the α > 0 with (Gα)ᵢ = αᵢ^(−p), for p = 1 the Nash bargaining solution.

It is the only minimum of the convex ½ αᵀGα − Σ φ(αᵢ) with φ' = α^(−p) (φ = log for p = 1): damped Newton.
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.solvers.min_norm import stationary

STEPS = 300
TOLERANCE = 1e-10
ROUNDING = 1e-15
"""Of the terms of a sum that nearly cancel: no step makes the equations hold better than that."""


def fair(gradients: Geometry, power: float = 1.0) -> Array:
    """α [t] with Gα = α^(−power), to 1e-6 in each equation and mostly to 1e-10.

    A zero gradient cannot be satisfied: it gets weight 0 and the others are solved without it. Where no direction
    helps all of the others (Pareto stationary: opposite gradients, say) there is no solution and every weight is 0.
    Equal gradients are no trouble: they get equal weights.
    """
    weights = np.zeros(len(gradients.norms))
    moving = gradients.moving
    if len(moving) and not stationary(gradients):
        part = gradients.part(moving)
        # on unit gradients, with β = α‖g‖: (Cβ)ᵢ = ‖gᵢ‖^(p − 1) βᵢ^(−p); the lengths' own scale is taken out
        scale = float(np.exp(np.log(part.norms).mean()))
        demand = (part.norms / scale) ** (power - 1)
        beta = newton(part.cosines, demand, power)
        weights[moving] = beta / part.norms * scale ** ((power - 1) / (power + 1))
    return weights


def newton(matrix: Array, demand: Array, power: float) -> Array:
    """β > 0 with matrix·β = demand·β^(−power): matrix [t, t] with a positive diagonal, demand [t] > 0."""
    beta = demand ** (1 / (1 + power))  # each alone
    beta = beta * _stretch(matrix, demand, power, beta)
    size = np.abs(matrix)
    for _ in range(STEPS):
        ask = demand * beta**-power
        gradient = matrix @ beta - ask
        if (np.abs(gradient) <= TOLERANCE * ask + len(beta) * ROUNDING * (size @ beta)).all():
            break
        step = np.linalg.solve(matrix + np.diag(power * ask / beta), -gradient)
        beta = beta + _length(matrix, demand, power, beta, step) * step
    return np.asarray(beta)


def _stretch(matrix: Array, demand: Array, power: float, beta: Array) -> float:
    """The best multiple of β."""
    square = float(beta @ matrix @ beta)
    asked = float(demand @ beta ** (1 - power))
    return float((asked / max(square, 1e-12)) ** (1 / (1 + power)))


def _length(matrix: Array, demand: Array, power: float, beta: Array, step: Array) -> float:
    """How far along a Newton step: stays positive, and not past where the slope along it has turned (the function is
    convex, so the slope alone tells; its values would have lost their digits near the minimum)."""
    shrink = float((step / beta).min())
    length = 1.0 if shrink > -0.99 else -0.99 / shrink
    start = float(step @ (matrix @ beta - demand * beta**-power))
    for _ in range(30):
        ahead = beta + length * step
        if float(step @ (matrix @ ahead - demand * ahead**-power)) <= 0.5 * abs(start):
            break
        length /= 2
    return length
