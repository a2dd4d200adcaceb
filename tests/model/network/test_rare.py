"""Class weights and focal loss: values and slopes by the paper's formula, minima, and that nobody else's numbers change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor
from torch.nn import functional

from mtl.network.heads import HEADS
from mtl.network.heads.base import Head
from mtl.network.heads.rare import best_shares
from mtl.network.plan import TaskPlan

SIZES = {"binary": (1, 1, 1, 1), "multiclass": (3, 4, 2, 4), "ordinal": (3, 5, 4, 4)}


def head_of(kind: str, *asked: dict[str, Any]) -> Head:
    """Tasks of one kind, of which those of `asked` have a loss of their own."""
    torch.manual_seed(0)
    own = [*asked, *({} for _ in SIZES[kind])]
    tasks = [TaskPlan(f"t{i}", kind, n, frozenset("x"), **own[i]) for i, n in enumerate(SIZES[kind])]
    head = HEADS[kind](tasks, 5, max(SIZES[kind]))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=1.5)
    return head


def labels_of(kind: str, rows: int = 60) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.stack([torch.randint(0, max(2, n), (rows,), generator=random).float() for n in SIZES[kind]])


def logits_of(head: Head, rows: int = 60) -> Tensor:
    return head(torch.randn(1, rows, 1, 5, generator=torch.Generator().manual_seed(2))).detach().requires_grad_()


def true_share(kind: str, logits: Tensor, y: Tensor) -> Tensor:
    """The probability given to the true class, float64 [row]."""
    if kind == "binary":
        return torch.where(y == 1, torch.sigmoid(logits[:, 0].double()), torch.sigmoid(-logits[:, 0].double()))
    return torch.softmax(logits.double(), -1)[torch.arange(len(y)), y.long()]


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_loss_and_slope_are_the_papers(kind: str, gamma: float) -> None:
    """−α_t (1 − p_t)^γ ln p_t, eq. 5; the first task's own, the second with γ alone (eq. 4), the others plain."""
    weights = (0.25, 4.0) if kind == "binary" else (0.25, 4.0, 1.5)
    head = head_of(kind, {"class_weights": weights, "focal": gamma}, {"focal": gamma})
    y, logits = labels_of(kind), logits_of(head)
    found = head.loss(logits, y).squeeze(-1)
    for task, (of_classes, power) in enumerate([(torch.tensor(weights), gamma), (torch.ones(4), gamma), (torch.ones(4), 0.0)]):
        p = true_share(kind, logits[task, :, 0], y[task])
        expected = -of_classes[y[task].long()] * (1 - p) ** power * p.log()
        torch.testing.assert_close(found[task].double(), expected, rtol=1e-4, atol=1e-6)
        (slope,) = torch.autograd.grad(found[task].sum(), logits, retain_graph=True)
        (wanted,) = torch.autograd.grad(expected.sum(), logits)
        torch.testing.assert_close(slope, wanted, rtol=1e-3, atol=1e-5)


def test_an_ordinal_rows_whole_loss_is_weighed() -> None:
    head, plain = head_of("ordinal", {"class_weights": (5.0, 1.0, 0.5)}), head_of("ordinal")
    y, logits = labels_of("ordinal"), logits_of(plain)
    factor = torch.tensor([5.0, 1.0, 0.5])[y[0].long()]
    torch.testing.assert_close(head.loss(logits, y)[0, :, 0], plain.loss(logits, y)[0, :, 0] * factor)


@pytest.mark.parametrize("kind", SIZES)
def test_a_default_task_keeps_every_bit(kind: str) -> None:
    """Beside tasks that ask for more: its loss, its gradient, its constant. Where nobody asks no buffer is built."""
    asked = {"class_weights": (3.0, 0.1)} | ({} if kind == "ordinal" else {"focal": 2.0})
    head, plain = head_of(kind, asked), head_of(kind)
    assert "weights" not in dict(plain.named_buffers())
    assert "gammas" not in dict(plain.named_buffers())
    assert set(head.state_dict()) == set(plain.state_dict())
    y, logits = labels_of(kind), logits_of(plain)
    losses = [one.loss(logits, y)[1:] for one in (head, plain)]
    assert torch.equal(*losses)
    slopes = [torch.autograd.grad(loss.sum(), logits)[0] for loss in losses]
    assert torch.equal(*slopes)
    for task in (1, 2, 3):
        assert torch.equal(head.constant(y[task], task), plain.constant(y[task], task))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("mass", [(30.0, 1.0), (1.0, 1.0), (500.0, 3.0, 40.0), (1e-6, 7.0, 2.0, 90.0)])
def test_best_shares_are_the_minimum(gamma: float, mass: tuple[float, ...]) -> None:
    """Against SciPy's search from the plain shares."""
    weight = np.asarray(mass)

    def loss(logits: np.ndarray) -> float:
        logits = logits - logits.max()
        p = np.exp(logits) / np.exp(logits).sum()
        return float((weight * (1 - p) ** gamma * -np.log(np.maximum(p, 1e-300))).sum())

    found = best_shares(torch.tensor(mass, dtype=torch.float64), gamma)
    assert float(found.sum()) == pytest.approx(1, abs=1e-9)
    best = minimize(loss, np.log(weight), method="BFGS", options={"gtol": 1e-9}).fun
    assert loss(found.log().numpy()) <= best * (1 + 1e-6) + 1e-9
    if gamma == 0:
        np.testing.assert_allclose(found.numpy(), weight / weight.sum(), rtol=1e-9)


@pytest.mark.parametrize(("kind", "gamma"), [*((kind, 0.0) for kind in SIZES), ("binary", 2.0), ("multiclass", 2.0)])
def test_the_constant_is_the_minimum_of_that_loss(kind: str, gamma: float) -> None:
    head = head_of(kind, {"class_weights": (4.0, 0.5), "focal": gamma})
    y = (torch.rand(500, generator=torch.Generator().manual_seed(3)) > 0.9).float()
    best = head.constant(y, 0)

    def loss(logits: Tensor) -> float:
        return float(head.loss(logits.expand(4, 500, 1, -1), y.expand(4, -1))[0].mean())

    moved = torch.Generator().manual_seed(4)
    for size in (0.05, 0.3):
        for _ in range(20):
            assert loss(best) <= loss(best + size * torch.randn(best.shape, generator=moved)) * (1 + 1e-5)


def test_balanced_weights_make_rare_classes_as_likely_as_frequent_ones() -> None:
    head = head_of("multiclass", {"class_weights": (500 / (3 * 400), 500 / (3 * 90), 500 / (3 * 10))})
    y = torch.repeat_interleave(torch.arange(3.0), torch.tensor([400, 90, 10]))
    shares = functional.softmax(head.constant(y, 0), -1)
    np.testing.assert_allclose(shares.numpy(), [1 / 3, 1 / 3, 1 / 3, 0], atol=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_what_is_certain_is_finite(kind: str) -> None:
    """Logits so far apart that a probability is 0 or 1 in float32, and classes that a task does not have."""
    head = head_of(kind, {"class_weights": (2.0, 3.0), "focal": 0.5}, {"focal": 3.0})
    y = labels_of(kind)
    logits = (1e3 * logits_of(head)).detach().requires_grad_()
    loss = head.loss(logits, y)
    assert loss.isfinite().all()
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
