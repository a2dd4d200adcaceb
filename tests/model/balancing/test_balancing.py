"""Weights on losses: what each method promises."""

from __future__ import annotations

import pytest
import torch

from mtl.balancing import BALANCINGS, Balanced, Balancing, Meeting

TASKS = [Balanced(2.0, False), Balanced(0.5, True), Balanced(1.0, False), Balanced(0.0, True)]
EVERYONE = torch.ones(4, dtype=torch.bool)


def gradient(balancing: Balancing, losses: list[float], present: torch.Tensor = EVERYONE) -> list[float]:
    """What each loss is weighted with: the gradient of the update with respect to the losses."""
    x = torch.tensor(losses, requires_grad=True)
    balancing.backward(x * present, present, Meeting([], x))
    assert x.grad is not None
    return x.grad.tolist()


def test_equal_and_fixed_weights() -> None:
    assert gradient(BALANCINGS["equal"](TASKS), [1.0, 2, 3, 4]) == [1, 1, 1, 1]
    assert gradient(BALANCINGS["fixed"](TASKS), [1.0, 2, 3, 4]) == [2, 0.5, 1, 0]


@pytest.mark.parametrize("kind", ["equal", "fixed", "uncertainty", "imtl_l"])
def test_absent_tasks_have_no_say(kind: str) -> None:
    present = torch.tensor([True, False, True, False])
    balancing = BALANCINGS[kind](TASKS)
    assert [w for w, there in zip(gradient(balancing, [3.0, 2, 3, 4], present), present, strict=True) if not there] == [0, 0]
    for parameter in balancing.parameters():
        assert parameter.grad is not None
        assert not parameter.grad[~present].any()
        assert parameter.grad[present].all()


@pytest.mark.parametrize("seed", range(3))
def test_uncertainty_comes_to_its_closed_form(seed: int) -> None:
    """At losses that stay: σ² = L for a number, 2L for classes, so weights 1/(2L) for both."""
    losses = torch.rand(4, generator=torch.Generator().manual_seed(seed)) * 3 + 0.05
    balancing = BALANCINGS["uncertainty"](TASKS)
    optimizer = torch.optim.SGD(balancing.parameters(), lr=0.5)
    for _ in range(400):
        optimizer.zero_grad()
        balancing.backward(losses, EVERYONE, Meeting([], losses))
        optimizer.step()
    (log_variance,) = balancing.parameters()
    expected = torch.where(torch.tensor([t.of_classes for t in TASKS]), 2 * losses, losses)
    torch.testing.assert_close(log_variance.exp().detach(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(balancing.weights(), 1 / (2 * losses), rtol=1e-4, atol=1e-5)


def test_uncertainty_starts_as_the_papers_sum() -> None:
    assert gradient(BALANCINGS["uncertainty"](TASKS), [1.0, 1, 1, 1]) == [0.5, 1, 0.5, 1]
