"""The solvers: as exact as they say, in the time they say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from mtl.balancing.solvers.dual_cone import project, project_each
from mtl.balancing.solvers.fair import fair
from mtl.balancing.solvers.geometry import Geometry
from mtl.balancing.solvers.least_distance import least_distance
from mtl.balancing.solvers.min_norm import min_norm, stationary
from mtl.balancing.solvers.pivoting import complementary


def fastest(call: Callable[[], object], times: int = 40) -> float:
    """Seconds of the fastest call: what it costs where nothing else runs."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


@pytest.mark.parametrize("conflict", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("solver", [min_norm, fair])
def test_a_solution_for_16_tasks_takes_less_than_a_millisecond(conformance: Any, solver: Any, conflict: float) -> None:
    gradients = conformance.draw(16, 40, 0, conflict)
    gramian = (gradients @ gradients.T).numpy()
    assert fastest(lambda: solver(Geometry.of(gramian))) < 1e-3


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("tasks", [2, 4, 16, 40])
def test_min_norm_on_gradients_drawn_at_random_scales(conformance: Any, tasks: int, seed: int) -> None:
    """Nearest exactly if no gradient's product with the point is below the point's own square (as in test_references)."""
    random = np.random.default_rng(seed)
    scales = torch.from_numpy(10.0 ** random.uniform(-10, 10, (tasks, 1)))
    gradients = scales * conformance.draw(tasks, tasks + 2, seed, random.choice([0, 0.9, 0.99]))
    weights = min_norm(conformance.geometry(gradients))
    point = torch.from_numpy(weights) @ gradients
    norms, size = gradients.norm(dim=1), point.norm()
    assert ((gradients @ point) / norms >= (1 - 5e-7) * size**2 / norms - 1e-9 * size).all()


@pytest.mark.parametrize("seed", range(6))
def test_fair_on_gradients_drawn_at_random_scales(conformance: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    for power in (0.2, 0.5, 1.0, 2.0):
        gradients = torch.from_numpy(10.0 ** random.uniform(-4, 4, (9, 1))) * conformance.draw(9, 12, seed, 0.9)
        weights = torch.from_numpy(fair(conformance.geometry(gradients), power))
        gramian, asked = gradients @ gradients.T, weights**-power
        assert ((gramian @ weights - asked).abs() <= 1e-6 * asked + 1e-13 * gramian.abs() @ weights).all()


def test_nash_is_free_of_scales_to_the_last_digits(conformance: Any) -> None:
    gradients = conformance.draw(6, 9, 1, 0.9)
    scales = torch.logspace(-10, 10, 6, dtype=torch.float64)
    plain, wide = fair(conformance.geometry(gradients)), fair(conformance.geometry(gradients * scales[:, None]))
    np.testing.assert_allclose(wide * scales.numpy(), plain, rtol=1e-9)


@pytest.mark.parametrize("tasks", [2, 7, 30])
@pytest.mark.parametrize("conflict", [0.0, 0.9, 1.0])
def test_all_projections_at_once_are_those_one_by_one(conformance: Any, tasks: int, conflict: float) -> None:
    geometry = conformance.geometry(conformance.draw(tasks, tasks + 3, 0, conflict))
    one_by_one = np.stack([project(geometry, unit) for unit in np.eye(tasks)])
    together = project_each(geometry)
    np.testing.assert_allclose(together @ geometry.cosines, one_by_one @ geometry.cosines, atol=1e-7)


def test_pivoting_finds_the_complementary_solution() -> None:
    random = np.random.default_rng(0)
    for size in (3, 12):
        base = random.normal(size=(size, size + 2))
        matrix, offsets = base @ base.T, random.normal(size=(20, size))
        z, solved = complementary(matrix, offsets)
        w = offsets + z @ matrix
        assert solved.all()
        assert z.min() >= 0
        assert w.min() >= -1e-9
        assert np.abs(z * w).max() <= 1e-9


def test_pivoting_says_what_it_could_not_solve() -> None:
    z, solved = complementary(np.array([[1.0, 1], [1, 1]]), np.array([[-1.0, -2], [1, 2]]))
    assert solved.tolist() == [False, True]
    assert not z[1].any()


def test_least_distance_by_hand() -> None:
    units = np.eye(2)
    np.testing.assert_allclose(least_distance(units, np.array([3.0, -1.0])), [3, 0], atol=1e-12)
    np.testing.assert_allclose(least_distance(units, np.array([3.0, 4.0])), [3, 4], atol=1e-12)
    assert not np.any(least_distance(units, np.array([-3.0, 0.0])))
    opposite = np.array([[1.0, -1.0], [0.0, 0.0]])
    assert least_distance(opposite, np.array([1.0, 1.0])) is None
    tiny = least_distance(units, np.array([1e-12, -1.0]))
    np.testing.assert_allclose(tiny, [1e-12, 0], rtol=1e-9)


def test_stationary_points_are_told_from_near_ones() -> None:
    def geometry(angle: float, eps: float = 2.2e-16) -> Geometry:
        gradients = np.array([[1.0, 0], [-np.cos(angle), np.sin(angle)], [0, 1]])
        return Geometry.of(gradients @ gradients.T, eps)

    assert stationary(geometry(0.0))
    assert not stationary(geometry(1e-5))
    assert stationary(geometry(1e-5, eps=1.2e-7))  # in float32 that angle is rounding
    assert not stationary(geometry(0.01, eps=1.2e-7))


def test_geometry_of_equal_opposite_and_zero_gradients() -> None:
    gradients = np.array([[3.0, 4], [0, 0], [-6, -8], [3, 4]])
    geometry = Geometry.of(gradients @ gradients.T)
    assert geometry.norms.tolist() == [5, 0, 10, 5]
    assert geometry.cosines.tolist() == [[1, 0, -1, 1], [0, 1, 0, 0], [-1, 0, 1, -1], [1, 0, -1, 1]]
    np.testing.assert_allclose(geometry.gramian, gradients @ gradients.T)
    np.testing.assert_allclose(geometry.root.T @ geometry.root, geometry.cosines, atol=1e-12)
    assert not geometry.independent
