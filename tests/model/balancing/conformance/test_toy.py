"""The two losses of CAGrad's toy problem (Liu 2021, appendix), the first scaled by 0.1 and from the five starts of Nash-MTL
(Navon 2022, section 5.1): Adam at 1e-3, 35,000 steps. Log-shaped valleys and unequal scales hold up the plain sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.balancing.solvers.geometry import Array, Geometry

STARTS = np.array([[-8.5, 7.5], [0.0, 0.0], [9.0, 9.0], [-7.5, -0.5], [9.0, -1.0]])
LOWER, SCALE, STEPS, LR = 5e-6, 0.1, 35_000, 1e-3


def losses(x: Array) -> Array:
    """x [start, 2] → losses [start, 2]."""
    a, b = x[:, 0], x[:, 1]
    up, down = np.maximum(np.tanh(b / 2), 0), np.maximum(np.tanh(-b / 2), 0)
    first = np.log(np.maximum(np.abs((-a - 7) / 2 + np.tanh(b)), LOWER)) + 6
    second = np.log(np.maximum(np.abs((-a + 3) / 2 - np.tanh(b) + 2), LOWER)) + 6
    bowls = [((s - a) ** 2 + 0.1 * (b + 8) ** 2) / 10 - 20 for s in (7, -7)]
    return np.stack([SCALE * (first * up + bowls[0] * down), second * up + bowls[1] * down], 1)


def gradients(x: Array) -> Array:
    """x [start, 2] → [start, task, 2]."""
    a, b = x[:, 0], x[:, 1]
    t, h = np.tanh(b), np.tanh(b / 2)
    up, down, slope = np.maximum(h, 0), np.maximum(-h, 0), (1 - h * h) / 2
    up_b, down_b = np.where(b >= 0, slope, 0), np.where(b <= 0, -slope, 0)
    found = np.empty((len(x), 2, 2))
    for task, (inner, sign, side) in enumerate((((-a - 7) / 2 + t, 1, 7), ((-a + 3) / 2 - t + 2, -1, -7))):
        size = np.maximum(np.abs(inner), LOWER)
        rate = np.where(np.abs(inner) > LOWER, np.sign(inner) / size, 0)
        bowl = ((side - a) ** 2 + 0.1 * (b + 8) ** 2) / 10 - 20
        found[:, task, 0] = -up * rate / 2 - down * (side - a) / 5
        found[:, task, 1] = up_b * (np.log(size) + 6) + up * rate * sign * (1 - t * t) + down_b * bowl + down * (b + 8) / 50
    found[:, 0] *= SCALE
    return found


def at_the_pareto_set(x: Array) -> Array:
    """[start]: the set is the line from one bowl's bottom to the other's, (7, −8.4) to (−7, −8.4)."""
    return (np.abs(x[:, 0]) < 7.05) & (np.abs(x[:, 1] + 8.38) < 0.1)


def reached(weigh: Any) -> list[bool]:
    """Which starts get there in time; one that is there stays there. weigh: gradients [start, task, 2] → weights."""
    x, first, second = STARTS.copy(), np.zeros_like(STARTS), np.zeros_like(STARTS)
    left = np.ones(len(x), dtype=bool)
    for step in range(1, STEPS + 1):
        each = gradients(x)
        update = (weigh(each, left)[..., None] * each).sum(1)
        first = 0.9 * first + 0.1 * update
        second = 0.999 * second + 0.001 * update**2
        x = x - LR * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8) * left[:, None]
        if step % 50 == 0:
            left &= ~at_the_pareto_set(x)
            if not left.any():
                break
    return (~left).tolist()


def test_the_slopes_are_the_losses_own() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2)) * 5
    for axis in range(2):
        moved = np.eye(2)[axis] * 1e-6
        np.testing.assert_allclose((losses(x + moved) - losses(x - moved)) / 2e-6, gradients(x)[:, :, axis], rtol=1e-4, atol=1e-6)


def test_the_plain_sum_gets_there_from_three_starts() -> None:
    assert reached(lambda each, left: np.ones(each.shape[:2])) == [False, True, False, True, True]


@pytest.mark.parametrize("name", ["mgda", "nash"])
def test_gets_there_from_all_five(conformance: Any, name: str) -> None:
    """Weights by the method itself at every step, for each start that is not there yet."""
    weighting, both = conformance.weighting(name, 2), np.arange(2)

    def weigh(each: Array, left: Array) -> Array:
        weights = np.ones(each.shape[:2])
        for i in np.flatnonzero(left):
            weights[i] = weighting.weigh(Geometry.of(each[i] @ each[i].T), both)
        return weights

    assert reached(weigh) == [True] * 5
