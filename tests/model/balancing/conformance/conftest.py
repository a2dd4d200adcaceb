"""Gradients to try every method on, and the properties that papers promise, as helpers that raise where one is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.balancing.solvers.geometry import Geometry
from mtl.balancing.weightings import WEIGHTINGS, Weighting
from mtl.spec.options import BALANCING_OPTIONS

Method = Callable[[Tensor], Tensor]
"""Gradients [t, n] → update [n]."""


def drawn(tasks: int, size: int, seed: int, conflict: float = 0.0) -> Tensor:
    """[tasks, size] float64; `conflict` takes so much of the mean gradient away from each."""
    gradients = torch.randn(tasks, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return gradients - conflict * gradients.mean(0)


def scaled(gradients: Tensor, decades: float) -> Tensor:
    """Norms times 1e−decades … 1e+decades, first task to last."""
    return gradients * torch.logspace(-decades, decades, len(gradients), dtype=torch.float64)[:, None]


def zeroed(gradients: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(gradients[:1]), gradients])


SAMPLED = {
    **{f"{t} tasks, seed {s}": drawn(t, t + 4, s) for t in (2, 3, 5, 16) for s in range(2)},
    **{f"{t} tasks in conflict, seed {s}": drawn(t, t + 4, s, 0.9) for t in (2, 3, 5, 16) for s in range(2)},
    "nearly equal": drawn(1, 6, 0) + 1e-3 * drawn(4, 6, 1),
    "nearly opposite": torch.tensor([[1.0, 0, 1e-3], [-1, 1e-3, 1e-3]], dtype=torch.float64),
}
SCALED = {
    "scales 1e-2 … 1e2": scaled(drawn(5, 9, 3, 0.9), 2),
    "scales 1e-10 … 1e10": scaled(drawn(5, 9, 3, 0.9), 10),
    "all 1e-10": 1e-10 * drawn(4, 8, 5, 0.9),
    "all 1e10": 1e10 * drawn(4, 8, 5, 0.9),
}
DEGENERATE = {
    "one task": drawn(1, 4, 0),
    "two equal tasks": torch.cat([drawn(3, 7, 7, 0.9), drawn(3, 7, 7, 0.9)[:1]]),
    "two parallel tasks": torch.cat([drawn(3, 7, 7, 0.9), 1e3 * drawn(3, 7, 7, 0.9)[:1]]),
    "one in the span of two": torch.cat([drawn(3, 7, 8), drawn(3, 7, 8)[:2].sum(0, keepdim=True)]),
    "a zero gradient": zeroed(drawn(4, 8, 9, 0.9)),
    "two zero gradients": zeroed(zeroed(drawn(2, 8, 9))),
}
STATIONARY = {
    "opposite tasks": torch.cat([drawn(1, 5, 0), -2 * drawn(1, 5, 0)]),
    "opposite tasks and one more": torch.cat([drawn(2, 5, 0), -drawn(1, 5, 0) * 0 - drawn(2, 5, 0)[:1]]),
    "the sum is zero": drawn(5, 9, 1, 1.0),
    "more tasks than dimensions": drawn(9, 3, 0),
}
GRADIENTS = {"sampled": SAMPLED, "scaled": SCALED, "degenerate": DEGENERATE, "stationary": STATIONARY}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `gradients` runs on those of the kinds it is marked with (`on`), or on all."""
    if "gradients" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("on")
        kinds = marker.args if marker else tuple(GRADIENTS)
        named = {name: g for kind in kinds for name, g in GRADIENTS[kind].items()}
        metafunc.parametrize("gradients", list(named.values()), ids=list(named))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "on(*kinds): kinds of gradients a conformance test runs on")


class Conformance:
    """Helpers, as one fixture."""

    @staticmethod
    def weighting(name: str, tasks: int, **options: float) -> Weighting:
        return WEIGHTINGS[name](tasks, **{**BALANCING_OPTIONS.get(name, {}), **options})

    @staticmethod
    def weights(weighting: Weighting, gradients: Tensor) -> Tensor:
        return weighting(gradients @ gradients.T)

    @classmethod
    def method(cls, name: str, **options: float) -> Method:
        """Gradients → update, of a weighting made anew, its orders drawn from the same seed."""

        def update(gradients: Tensor) -> Tensor:
            torch.manual_seed(0)
            return cls.weights(cls.weighting(name, len(gradients), **options), gradients) @ gradients

        return update

    @staticmethod
    def draw(tasks: int, size: int, seed: int, conflict: float = 0.0) -> Tensor:
        return drawn(tasks, size, seed, conflict)

    @staticmethod
    def geometry(gradients: Tensor) -> Geometry:
        return Geometry.of((gradients @ gradients.T).numpy())

    @staticmethod
    def slopes(gradients: Tensor, update: Tensor) -> Tensor:
        """ûᵢ·d/‖d‖ [t]: how fast each loss falls along the update; zero gradients left out."""
        units = gradients[gradients.norm(dim=1) > 0]
        units = units / units.norm(dim=1, keepdim=True)
        return units @ update / update.norm().clamp(min=1e-300)

    # --- properties -------------------------------------------------------------------------------------------------

    @classmethod
    def non_conflicting(cls, method: Method, gradients: Tensor) -> None:
        """No loss rises along the update."""
        slopes = cls.slopes(gradients, method(gradients))
        assert slopes.min() >= -1e-6, f"slopes {slopes.tolist()}"

    @staticmethod
    def invariant_to_order(method: Method, gradients: Tensor) -> None:
        order = torch.randperm(len(gradients), generator=torch.Generator().manual_seed(4))
        close(method(gradients[order]), method(gradients))

    @staticmethod
    def linear_under_scaling(method: Method, gradients: Tensor) -> None:
        """c ↦ method(diag(c) J) is linear on positive c (Quinton & Rey 2024, definition 3)."""
        a, b = torch.rand(2, len(gradients), 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 3 + 0.1
        close(method((a + 2 * b) * gradients), method(a * gradients) + 2 * method(b * gradients))

    @staticmethod
    def same_direction_at_any_scales(method: Method, gradients: Tensor) -> None:
        """Rescaling each task's gradient by a number of its own leaves the update's direction as it is."""
        scales = torch.logspace(-3, 4, len(gradients), dtype=torch.float64)[:, None]
        close(direction(method(scales * gradients)), direction(method(gradients)))

    @staticmethod
    def homogeneous(method: Method, gradients: Tensor, degree: float) -> None:
        """Rescaling all gradients by c scales the update by c^degree."""
        for factor in (1e-4, 1e3):
            close(method(factor * gradients), factor**degree * method(gradients))


def direction(update: Tensor) -> Tensor:
    return update / update.norm().clamp(min=1e-300)


def close(left: Tensor, right: Tensor, tolerance: float = 1e-6) -> None:
    """Equal up to a share of the longer one's length."""
    size = max(left.norm().item(), right.norm().item(), 1e-300)
    assert (left - right).norm().item() <= tolerance * size, f"{left.tolist()}\n{right.tolist()}"


@pytest.fixture
def conformance() -> type[Conformance]:
    return Conformance


@pytest.fixture
def same() -> Callable[..., None]:
    return close


@pytest.fixture(autouse=True)
def _strict_numbers() -> Iterator[None]:
    """No method may divide by zero or overflow on the way."""
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        yield
