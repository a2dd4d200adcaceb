"""Several labels a row: the plain formula, padding, members, and what a network makes of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network, predict
from mtl.network.heads import Head
from mtl.network.heads.multilabel import Multilabel, held
from mtl.training.batches import Store
from tests.model.network.conftest import batch_of, model_of, plans, stirred

RowsOf = Callable[..., AlignedSet]


def head_of(classes: list[int], members: int = 1) -> tuple[Head, torch.Tensor]:
    torch.manual_seed(1)
    head = Multilabel(plans("multilabel", classes), 6, max(classes), members)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head, torch.randn(1, 40, members, 6)


def lists_for(classes: list[int], rows: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Lists padded together, and the same as 0 and 1, [task, rows, longest] and [task, rows, widest]."""
    torch.manual_seed(2)
    hot = torch.rand(len(classes), rows, max(classes)) < 0.4
    hot &= torch.arange(max(classes)) < torch.tensor(classes)[:, None, None]
    numbers = torch.where(hot, torch.arange(1, max(classes) + 1), 0)
    return numbers.sort(-1, descending=True).values, hot.float()


def test_lists_are_held_whatever_their_order_and_padding() -> None:
    assert held(torch.tensor([[3, 1, 0], [0, 0, 0], [2, 2, 0]]), 3).tolist() == [
        [True, False, True],
        [False] * 3,
        [False, True, False],
    ]


def test_the_loss_is_the_mean_over_the_tasks_own_classes() -> None:
    head, x = head_of([3, 5])
    lists, hot = lists_for([3, 5])
    found, logits = head.loss(head(x), lists), head(x)
    for task, classes in enumerate((3, 5)):
        own = logits[task, :, 0, :classes]
        expected = functional.binary_cross_entropy_with_logits(own, hot[task, :, :classes], reduction="none").mean(-1)
        torch.testing.assert_close(found[task, :, 0], expected)
    torch.testing.assert_close(head.imitation(head(x), hot), found)
    assert not head.decode(logits)[0, :, 3:].any()
    found.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


def test_the_constant_is_each_classes_share() -> None:
    head, _ = head_of([3, 5])
    lists, hot = lists_for([3, 5])
    for task, classes in enumerate((3, 5)):
        constant = head.constant(lists[task], task)
        torch.testing.assert_close(torch.sigmoid(constant[:classes]), hot[task].mean(0)[:classes])
        assert (constant[classes:] == -torch.inf).all()


def test_the_loss_of_the_pooled_members_is_that_of_their_mean() -> None:
    head, x = head_of([3, 5], members=4)
    lists, hot = lists_for([3, 5])
    logits = head(x)
    pooled = head.loss(head.pooled(logits), lists)[..., 0]
    mean = head.decode(logits)
    for task, classes in enumerate((3, 5)):
        own = mean[task, :, :classes]
        torch.testing.assert_close(
            pooled[task], functional.binary_cross_entropy(own, hot[task, :, :classes], reduction="none").mean(-1)
        )
    pooled.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())


@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_predicts_each_class(way: str, members: int, listed: Encodings, rows: RowsOf) -> None:
    network = stirred(build_network(listed, model_of(way, members=members))).eval()
    found = predict(network, listed, rows(listed, 30, 1).inputs)
    assert found["l"].shape == (30, 4)
    assert found["m"].shape == (30, 2)
    assert all(((values > 0) & (values < 1)).all() for values in (found["l"], found["m"]))
    assert not np.allclose(found["l"].sum(1), 1)


def test_rows_without_a_label_add_nothing(way: str, listed: Encodings, rows: RowsOf) -> None:
    """Neither to the loss nor to a gradient, whatever list stands there; each task on batches of its own rows or of all."""
    network = stirred(build_network(listed, model_of(way))).eval()
    some = rows(listed, 24, 2)
    store = Store.of(network.plan, some, network.device)
    batch, found = store.batch(torch.arange(24)), []
    for filler in (0, 1):
        network.zero_grad()
        lists = {t: torch.where(batch.mask[t, :, None] > 0, of, filler) for t, of in batch.lists.items()}
        losses = network.losses(network(batch_of(network, some)), batch.targets, batch.mask, lists)
        losses.sum().backward()
        found.append([losses, *(p.grad.clone() for p in network.parameters() if p.grad is not None)])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    own = torch.stack([torch.arange(24)] * len(listed.tasks))
    again = store.batch(own)
    assert all(torch.equal(again.lists[t], of) for t, of in batch.lists.items())


def test_every_member_starts_at_the_constants() -> None:
    head, x = head_of([3, 5], members=3)
    lists, hot = lists_for([3, 5])
    head.start_at(torch.stack([head.constant(lists[task], task) for task in (0, 1)]))
    torch.nn.init.zeros_(head.weight)
    for task, classes in enumerate((3, 5)):
        found = head.predictions(head(x))[task, ..., :classes]
        torch.testing.assert_close(found, hot[task].mean(0)[:classes].expand_as(found))
