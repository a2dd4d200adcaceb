"""Quantiles: the pinball loss against scikit-learn, no crossing with any weights, and what the head learns without inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss

from mtl.network.heads.quantile import Quantile
from mtl.network.plan import TaskPlan
from tests.model.network.conftest import LEVELS, plans


def with_levels(*levels: tuple[float, ...]) -> list[TaskPlan]:
    return [TaskPlan(f"t{i}", "quantile", len(each), frozenset("x"), levels=each) for i, each in enumerate(levels)]


SEVERAL_LEVELS = with_levels((0.05, 0.5, 0.95), (0.5, 0.6), (0.1, 0.2, 0.3, 0.5), LEVELS)


@pytest.mark.parametrize("seed", range(4))
def test_quantiles_never_cross_with_any_weights(seed: int) -> None:
    torch.manual_seed(seed)
    head = Quantile(SEVERAL_LEVELS, 8, 5)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=5)
    said = head.decode(head(torch.randn(1, 200, 1, 8)).double())
    for task, plan in enumerate(SEVERAL_LEVELS):
        assert (said[task, :, : plan.classes].diff(dim=-1) >= 0).all()
        assert not said[task, :, plan.classes :].any()


def test_the_median_is_its_own_logit() -> None:
    head = Quantile(SEVERAL_LEVELS, 8, 5)
    logits = head(torch.randn(1, 20, 1, 8))
    for task, plan in enumerate(SEVERAL_LEVELS):
        at = plan.levels.index(0.5)
        assert torch.equal(head.decode(logits)[task, :, at], logits[task, :, 0, at])


def test_the_loss_is_scikit_learns_mean_over_the_levels() -> None:
    """Also of tasks with fewer levels than the widest one; gradients stay finite, and 0 in columns that a task lacks."""
    head = Quantile(SEVERAL_LEVELS, 8, 5)
    y = torch.randn(4, 50)
    logits = head(torch.randn(1, 50, 1, 8)).detach().requires_grad_()
    found, said = head.loss(logits, y).squeeze(-1), head.decode(logits).detach()
    for task, plan in enumerate(SEVERAL_LEVELS):
        each = [mean_pinball_loss(y[task], said[task, :, at], alpha=level) for at, level in enumerate(plan.levels)]
        assert found[task].mean().item() == pytest.approx(np.mean(each), rel=1e-5)
    found.sum().backward()
    assert logits.grad is not None
    for task, plan in enumerate(SEVERAL_LEVELS):
        assert not logits.grad[task, ..., plan.classes :].any()
        assert logits.grad[task, ..., : plan.classes].any()


def test_without_inputs_it_learns_the_quantiles_of_its_labels() -> None:
    y = torch.from_numpy(np.random.default_rng(0).exponential(size=1000).astype(np.float32)).expand(4, -1)
    head = Quantile(SEVERAL_LEVELS, 1, 5)
    x = torch.zeros(1, y.shape[1], 1, 1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(250):
        optimizer.zero_grad()
        head.loss(head(x), y).mean().backward()
        optimizer.step()
    said = head.decode(head(x[:, :1])).detach()[:, 0]
    for task, plan in enumerate(SEVERAL_LEVELS):
        wanted = np.quantile(y[task].numpy(), plan.levels)
        np.testing.assert_allclose(said[task, : plan.classes].numpy(), wanted, atol=0.1)


def test_it_starts_at_the_labels_quantiles() -> None:
    head = Quantile(SEVERAL_LEVELS, 4, 5, 3)
    torch.nn.init.zeros_(head.weight)
    y = torch.randn(999, generator=torch.Generator().manual_seed(0))
    head.start_at(torch.stack([head.constant(y, task) for task in range(4)]))
    said = head.decode(head(torch.randn(1, 2, 3, 4)))
    for task, plan in enumerate(SEVERAL_LEVELS):
        wanted = np.quantile(y.numpy(), plan.levels, method="inverted_cdf")
        np.testing.assert_allclose(said[task, 0, : plan.classes].detach().numpy(), wanted, atol=2e-3)


def test_labels_that_are_all_the_same_make_a_finite_constant() -> None:
    head = Quantile(plans("quantile", [3]), 4, 3)
    best = head.constant(torch.full((9,), 2.0), 0)
    assert best.isfinite().all()
    np.testing.assert_allclose(head.decode(best[None, None, None])[0, 0].numpy(), 2, atol=3e-3)


def test_pooled_members_predict_their_mean() -> None:
    head = Quantile(SEVERAL_LEVELS, 4, 5, 3)
    logits = 2 * torch.randn(4, 20, 3, 5, generator=torch.Generator().manual_seed(1))
    pooled = head.pooled(logits)
    assert pooled.shape == (4, 20, 1, 5)
    torch.testing.assert_close(head.predictions(pooled).squeeze(2), head.decode(logits), rtol=1e-4, atol=2e-3)
