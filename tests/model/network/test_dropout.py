"""Dropout of one byte a number: the rate, the mean, no pattern, the same again from the same seed."""

from __future__ import annotations

import pytest
import torch

from mtl.network.dropout import dropout
from mtl.network.layers import Layer


@pytest.mark.parametrize("p", [0.1, 0.25, 0.3, 0.9])
def test_rate_and_mean(p: float) -> None:
    torch.manual_seed(0)
    found = dropout(torch.ones(1000, 501), p)
    cut = round(256 * p)
    assert set(found.unique().tolist()) == {0.0, torch.tensor(256 / (256 - cut)).item()}
    assert float((found == 0).float().mean()) == pytest.approx(cut / 256, abs=3e-3)
    assert float(found.mean()) == pytest.approx(1, abs=0.01)
    assert abs(cut / 256 - p) <= 1 / 512


def test_neighbours_fall_alone() -> None:
    """Eight bytes come from one draw: numbers beside each other must not fall together."""
    torch.manual_seed(1)
    fell = (dropout(torch.ones(2**20), 0.5) == 0).float().view(-1, 8)
    together = torch.corrcoef(fell.T)
    assert float((together - torch.eye(8)).abs().max()) < 0.01
    assert float(torch.corrcoef(torch.stack([fell[:-1].flatten(), fell[1:].flatten()]))[0, 1]) == pytest.approx(0, abs=0.01)


def test_nothing_falls_at_rate_zero_and_a_seed_decides() -> None:
    x = torch.randn(7, 3)
    assert dropout(x, 0.0).equal(x)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(dropout(x, 0.5))
    assert found[0].equal(found[1])


def test_a_gradient_passes_what_stayed() -> None:
    x = torch.randn(50, 40, requires_grad=True)
    found = dropout(x, 0.4)
    found.sum().backward()
    torch.testing.assert_close(x.grad, (found / x).detach())


def test_members_fall_alone_and_only_in_training() -> None:
    """Each member drops other numbers, as in the package; none does when it predicts."""
    layer = Layer(1, 4, 64, 0.5, members=6)
    x = torch.randn(1, 32, 1, 4)
    one, other = layer(x)[0, :, 0], layer(x)[0, :, 1]
    assert not (one == 0).equal(other == 0)
    layer.eval()
    assert layer(x).equal(layer(x))
    assert (layer(x) != 0).all()
