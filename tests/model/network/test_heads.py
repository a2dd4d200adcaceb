"""Each head against the plain formula, and CORAL's promises."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from mtl.network.heads import HEADS
from mtl.network.heads.ordinal import Ordinal
from tests.model.network.conftest import SEVERAL, plans


def head_of(kind: str, classes: list[int], width: int = 6) -> tuple[torch.nn.Module, torch.Tensor]:
    torch.manual_seed(3)
    head = HEADS[kind](plans(kind, classes), width, max(classes))
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head, torch.randn(1, 40, 1, width)


@pytest.mark.parametrize("kind", list(HEADS))
def test_one_product_for_all_equals_one_a_task(kind: str) -> None:
    """A representation shared by all tasks, and the same one said for each task."""
    head, x = head_of(kind, [3, 5, 4] if kind in SEVERAL else [1, 1, 1])
    torch.testing.assert_close(head(x), head(x.expand(3, -1, -1, -1)))


def test_losses_equal_the_plain_formulas() -> None:
    head, x = head_of("regression", [1, 1])
    y = torch.randn(2, 40)
    torch.testing.assert_close(head.loss(head(x), y)[..., 0], (head(x)[..., 0, 0] - y) ** 2)
    head, x = head_of("binary", [1, 1])
    y = (torch.rand(2, 40) > 0.5).float()
    expected = functional.binary_cross_entropy(torch.sigmoid(head(x)[..., 0, 0]), y, reduction="none")
    torch.testing.assert_close(head.loss(head(x), y)[..., 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_padding_changes_nothing(kind: str) -> None:
    """A task of three classes beside one of seven: its loss is that of its own three, the other four get probability 0."""
    head, x = head_of(kind, [3, 7])
    y = torch.randint(0, 3, (2, 40)).float()
    logits = head(x)
    found = head.loss(logits, y)[0, :, 0]
    real = logits[0, :, 0, : 3 if kind == "multiclass" else 2]
    if kind == "multiclass":
        expected = functional.cross_entropy(real, y[0].long(), reduction="none")
    else:
        above = (y[0][:, None] > torch.arange(2)).float()
        expected = functional.binary_cross_entropy_with_logits(real, above, reduction="none").sum(1)
    torch.testing.assert_close(found, expected)
    assert not head.decode(logits)[0, :, 3:].any()
    head.loss(logits, y).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.parametrize("seed", range(5))
def test_coral_is_rank_consistent_with_any_weights(seed: int) -> None:
    torch.manual_seed(seed)
    head = Ordinal(plans("ordinal", [5, 3, 2]), 8, 5)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=5)
    logits = head(torch.randn(1, 200, 1, 8))
    assert (logits[..., :-1] >= logits[..., 1:]).all()
    probability = head.decode(logits.double())
    assert (probability >= 0).all()
    torch.testing.assert_close(probability.sum(-1), torch.ones(3, 200, dtype=torch.float64))


def test_coral_learns_the_shares_of_its_classes() -> None:
    """Without inputs the minimum of CORAL's loss is the shares themselves."""
    shares = torch.tensor([0.1, 0.4, 0.2, 0.25, 0.05])
    y = torch.repeat_interleave(torch.arange(5.0), (shares * 1000).int())[None]
    head = Ordinal(plans("ordinal", [5]), 1, 5)
    x = torch.zeros(1, y.shape[1], 1, 1)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = head.loss(head(x), y).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    torch.testing.assert_close(head.decode(head(x))[0, 0], shares, rtol=0, atol=2e-3)


@pytest.mark.parametrize("kind", [kind for kind, head in HEADS.items() if not head.listed and not head.together])
def test_constant_is_the_best_constant(kind: str) -> None:
    """No constant nearby has a smaller loss on the labels it was made of."""
    classes = [4] if kind in SEVERAL else [1]
    head = HEADS[kind](plans(kind, classes), 2, classes[0])
    torch.manual_seed(0)
    top = {"binary": 2, "multiclass": 4, "ordinal": 4, "count": 9}.get(kind)
    y = torch.randn(500) if top is None else torch.randint(0, top, (500,)).float()
    best = head.constant(y, 0)

    def loss(logits: torch.Tensor) -> float:
        return float(head.loss(logits.expand(1, 500, 1, -1), y[None]).mean())

    for _ in range(20):
        assert loss(best) <= loss(best + 0.1 * torch.randn_like(best)) + 1e-6
    if kind == "multiclass":
        counts = torch.bincount(y.long()).double() / 500
        assert loss(best) == pytest.approx(float(-(counts * counts.log()).sum()), rel=1e-4)
    assert math.isfinite(loss(best))
