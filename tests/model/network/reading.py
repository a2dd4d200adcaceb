"""What an encoder must show, whatever it reads: `batch` are the tensors it is called with, each [leading, batch, …]."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.testing import assert_close

Batch = dict[str, Tensor]
Near = tuple[float, float]
"""Relative and absolute tolerance."""


def one_of(batch: Batch, at: int) -> Batch:
    """What copy or viewer `at` is given."""
    return {name: of[at : at + 1] if len(of) > 1 else of for name, of in batch.items()}


def check_rows_alone(encoder: nn.Module, batch: Batch, near: Near) -> Tensor:
    """Each row is what it is without the others; gives the whole batch."""
    together: Tensor = encoder(batch)
    for row in range(together.shape[1]):
        alone = encoder({name: of[:, row : row + 1] for name, of in batch.items()})
        assert_close(alone, together[:, row : row + 1], rtol=near[0], atol=near[1])
    return together


def check_copies(three: nn.Module, alone: Callable[[], nn.Module], batches: Sequence[Batch], members: int, near: Near) -> None:
    """Each of three copies reads as an encoder of one copy with its slices would."""
    for batch in batches:
        found, rows = three(batch), next(iter(batch.values())).shape[1]
        assert found.shape == (3, rows, members, 8)
        for copy in range(3):
            one = alone()
            one.load_state_dict({name: of[copy : copy + 1] for name, of in three.state_dict().items()})
            assert_close(found[copy], one(one_of(batch, copy))[0], rtol=near[0], atol=near[1])


def check_viewers(encoder: nn.Module, batch: Batch, members: int, near: Near) -> None:
    """One copy, two rows of each of three viewers."""
    found = encoder(batch)
    assert found.shape == (3, 2, members, 8)
    for viewer in range(3):
        assert_close(found[viewer : viewer + 1], encoder(one_of(batch, viewer)), rtol=near[0], atol=near[1])


def check_stand_in(encoder: nn.Module, batch: Batch, near: Near, slopes: Near) -> None:
    """One copy's weights, expanded, give three viewers what it gives them, and each viewer's gradient apart."""
    copies = {name: p.expand(3, *p.shape[1:]) for name, p in encoder.named_parameters()}
    found = functional_call(encoder, copies, (batch,))
    assert_close(found, encoder(batch), rtol=near[0], atol=near[1])
    apart = torch.autograd.grad(found.square().sum(), list(copies.values()))
    for task in range(3):
        of_task = encoder(one_of(batch, task)).square().sum()
        for mine, theirs in zip(apart, torch.autograd.grad(of_task, list(encoder.parameters())), strict=True):
            assert_close(mine[task : task + 1], theirs, rtol=slopes[0], atol=slopes[1])


def check_empty_rows(encoder: nn.Module, some: Tensor, none: Tensor, near: Near = (1e-6, 1e-7)) -> None:
    """Rows 0 and 2 of `some` and both first ones of `none` are the same; of parameters they move just the layer's bias."""
    for row in (some[:, 0], some[:, 2], none[:, 0], none[:, 1]):
        assert_close(row, some[:, 0], rtol=near[0], atol=near[1])
    torch.autograd.backward(some[:, 0].sum() + some[:, 2].sum() + none.sum())
    for name, parameter in encoder.named_parameters():
        moved = parameter.grad is not None and bool(parameter.grad.any())
        assert moved is (name == "layer.linear.bias"), name


def check_gradients(encoder: nn.Module, found: Tensor) -> None:
    """Of every copy and member; finite."""
    torch.autograd.backward(found.float().square().sum())
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.flatten(1).any(1).all(), name


def check_chance(encoder: nn.Module, batch: Batch) -> None:
    """In training it is drawn anew, by torch's generator; in prediction nothing is."""

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(seed)
        found: Tensor = encoder(batch)
        return found

    encoder.train()
    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    encoder.eval()
    assert torch.equal(drawn(1), drawn(2))


def check_numbers(encoder: nn.Module, batch: Batch, wide: Near) -> None:
    """float64 within `wide`, and bf16 autocast within what its 8 bits can tell."""
    plain = encoder(batch)
    with torch.autocast("cpu", torch.bfloat16):
        torch.autograd.backward(encoder.train()(batch).float().sum())
        narrow = encoder.eval()(batch)
    assert_close(narrow.float(), plain, rtol=0.05, atol=0.05)
    found = encoder.double()(batch)
    assert found.dtype == torch.float64
    assert_close(found.float(), plain, rtol=wide[0], atol=wide[1])
