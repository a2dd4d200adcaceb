"""Counts: both losses against SciPy and torch, their gradients, constants, members, and what is told to others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import nbinom
from sklearn.metrics import mean_poisson_deviance
from torch.nn import functional

from mtl.network.heads.count import Count, deviance, surprise
from tests.model.network.conftest import plans

COUNTS = torch.tensor([0.0, 1, 2, 3, 40, 100_000])


def of_negative(y: np.ndarray, log_mean: np.ndarray, log_alpha: np.ndarray) -> np.ndarray:
    mean, r = np.exp(log_mean), np.exp(-log_alpha)
    return -nbinom.logpmf(y, r, r / (r + mean))


@pytest.mark.parametrize("dispersion", [1.0, 7.5])
def test_poissons_loss_is_the_deviance_and_its_slope_twice_the_likelihoods(dispersion: float) -> None:
    head = Count([replace(task, dispersion=dispersion) for task in plans("count", [1])], 3, 1)
    logits = torch.tensor([-1.0, 0.5, 1, 1, 4, 11.5]).reshape(1, 6, 1, 1).requires_grad_()
    found = head.loss(logits, COUNTS[None]) * dispersion
    means = logits.detach().double().exp().flatten().tolist()
    for y, each, mean in zip(COUNTS.tolist(), found.flatten().tolist(), means, strict=True):
        assert each == pytest.approx(mean_poisson_deviance([y], [mean]), rel=1e-4)
    (slope,) = torch.autograd.grad(found.sum(), logits)
    again = logits.detach().requires_grad_()
    likelihood = functional.poisson_nll_loss(again.flatten(), COUNTS, reduction="sum")
    (expected,) = torch.autograd.grad(2 * likelihood, again)
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=1e-4)


def test_a_deviance_is_never_below_0_and_is_0_at_the_label() -> None:
    y = torch.cat([COUNTS, 10 ** torch.linspace(-6, 7, 200)])
    assert deviance(y, y.clamp(min=1e-30).log()).abs().max() < 1e-5
    assert (deviance(y[:, None], torch.linspace(-20, 20, 81)) >= 0).all()


def test_a_large_count_that_is_nearly_met_loses_no_digits() -> None:
    y = torch.tensor(1e6)
    assert float(deviance(y, (y * 1.001).log())) == pytest.approx(2 * (1e6 * np.log(1 / 1.001) + 1e3), rel=0.01)


@pytest.mark.parametrize("log_alpha", [-9.0, -3.0, 0.0, 2.0])
def test_a_negative_binomials_loss_is_minus_its_log_probability(log_alpha: float) -> None:
    log_mean = torch.tensor([-2.0, 0.3, 1, -1, 3.5, 11.0])
    found = surprise(COUNTS, log_mean, torch.tensor(log_alpha))
    np.testing.assert_allclose(found.numpy(), of_negative(COUNTS.numpy(), log_mean.numpy(), np.full(6, log_alpha)), rtol=1e-5)
    assert (found > 0).all()


def test_its_gradient_is_the_numeric_one() -> None:
    head = Count(plans("count", [2]), 3, 2)
    logits = torch.randn(1, 5, 1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: head.loss(x, COUNTS[None, :5].double()), (logits,))


def test_both_kinds_in_one_matrix_are_each_their_own() -> None:
    """A Poisson task beside a negative binomial one: its loss, and no gradient in the column it does not read."""
    both, alone = Count(plans("count", [1, 2]), 3, 2), Count(plans("count", [1]), 3, 1)
    logits = torch.randn(2, 6, 1, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    y = COUNTS.expand(2, 6)
    found = both.loss(logits, y)
    assert torch.equal(found[:1], alone.loss(logits[:1, ..., :1], y[:1]))
    torch.testing.assert_close(found[1, :, 0], surprise(y[1], logits[1, :, 0, 0], logits[1, :, 0, 1]))
    found.sum().backward()
    assert logits.grad is not None
    assert not logits.grad[0, ..., 1].any()
    assert logits.grad[1, ..., 1].any()


@pytest.mark.parametrize(("mean", "alpha"), [(0.2, 3.0), (4.0, 0.5), (200.0, 0.05), (6.0, 0.0)])
def test_the_constant_is_the_likeliest_distribution(mean: float, alpha: float) -> None:
    """Against SciPy's search over both parameters; where labels are Poisson's there is next to no dispersion."""
    random = np.random.default_rng(0)
    y = random.negative_binomial(1 / alpha, 1 / (1 + alpha * mean), 3000) if alpha else random.poisson(mean, 3000)
    log_mean, log_alpha = Count(plans("count", [2]), 3, 2).constant(torch.from_numpy(y).float(), 0).tolist()
    assert np.exp(log_mean) == pytest.approx(y.mean(), rel=1e-5)
    if not alpha:
        assert log_alpha < np.log(0.02)
        return
    best = minimize(lambda at: of_negative(y, at[0], at[1]).mean(), [0.0, 0.0], method="Nelder-Mead").x
    assert [log_mean, log_alpha] == pytest.approx(best.tolist(), abs=2e-3)


def test_labels_that_are_all_0_and_a_mean_of_many_thousands_are_finite() -> None:
    head = Count(plans("count", [1, 2]), 3, 2)
    constants = torch.stack([head.constant(torch.zeros(9), t) for t in (0, 1)])
    assert constants.isfinite().all()
    y = torch.tensor([30_000.0, 90_000])
    head.start_at(torch.stack([head.constant(y, t) for t in (0, 1)]))
    torch.testing.assert_close(head.decode(head.bias[:, None, None, :]).flatten(), y.mean().expand(2), rtol=1e-4, atol=0)


def test_no_logit_is_too_large_for_a_prediction_or_a_loss() -> None:
    head = Count(plans("count", [1, 2]), 3, 2)
    logits = torch.tensor([-1e4, 0.0, 1e4]).expand(2, 2, 3).transpose(1, 2).unsqueeze(2).contiguous().requires_grad_()
    assert head.predictions(logits).isfinite().all()
    assert head.pooled(logits.expand(2, 3, 4, 2)).isfinite().all()
    loss = head.loss(logits, torch.tensor([0.0, 3, 1e5]).expand(2, 3))
    assert loss.isfinite().all()
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_pooled_members_have_the_mean_and_the_variance_of_their_mixture() -> None:
    head, generator = Count(plans("count", [2]), 3, 2, 4), torch.Generator().manual_seed(2)
    logits = torch.randn(1, 7, 4, 2, generator=generator)
    each, alpha = logits[..., 0].exp(), logits[..., 1].exp()
    variance = (each + alpha * each**2).mean(2) + each.var(2, unbiased=False)
    pooled = head.pooled(logits)
    mean = pooled[..., 0].exp()
    torch.testing.assert_close(mean.squeeze(2), each.mean(2))
    torch.testing.assert_close((mean + pooled[..., 1].exp() * mean**2).squeeze(2), variance, rtol=1e-4, atol=1e-4)


def test_a_teachers_mean_says_nothing_of_dispersion() -> None:
    head = Count(plans("count", [1, 2]), 3, 2)
    logits = torch.randn(2, 6, 1, 2, generator=torch.Generator().manual_seed(3)).requires_grad_()
    soft = torch.cat([torch.rand(2, 6, 1), torch.zeros(2, 6, 3)], -1)
    head.imitation(logits, soft).sum().backward()
    assert logits.grad is not None
    assert logits.grad[..., 0].all()
    assert not logits.grad[..., 1].any()


def test_other_tasks_are_told_the_logarithm() -> None:
    head = Count(plans("count", [1]), 3, 1)
    logits = torch.tensor([[[[9.5]]]])
    assert float(head.told(logits)) == 9.5
    assert float(head.predictions(logits)) == pytest.approx(np.exp(9.5))
