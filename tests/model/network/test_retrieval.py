"""Retrieval: the loss as the paper writes it, rows without a label, the catalogue, and what is predicted from it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network, predict
from mtl.network.heads import retrieval
from mtl.network.heads.retrieval import Retrieval, points
from mtl.network.plan import TaskPlan
from tests.model.network.conftest import batch_of, labels_of, model_of, stirred

RowsOf = Callable[..., AlignedSet]


def head_of(sizes: list[int], identities: list[int], temperatures: list[float], members: int = 1) -> tuple[Retrieval, Tensor]:
    torch.manual_seed(1)
    each = zip(sizes, identities, temperatures, strict=True)
    tasks = [TaskPlan(f"t{i}", "retrieval", s, frozenset("x"), identities=n, temperature=t) for i, (s, n, t) in enumerate(each)]
    head = Retrieval(tasks, 6, max(sizes), members)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return head, torch.randn(1, 30, members, 6)


def by_hand(z: np.ndarray, identity: np.ndarray, there: np.ndarray, temperature: float) -> list[float]:
    """Equation 2, a row and a sum at a time."""
    found = []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i and there[a]]
        positives = [p for p in others if identity[p] == identity[i]]
        whole = sum(math.exp(float(z[i] @ z[a]) / temperature) for a in others)
        shares = [math.log(math.exp(float(z[i] @ z[p]) / temperature) / whole) for p in positives]
        found.append(-sum(shares) / len(positives) if positives and there[i] else 0.0)
    return found


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("pairs", [1 << 24, 100])
def test_the_loss_is_the_papers(members: int, pairs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two tasks with sizes and temperatures of their own, also a few rows at a time."""
    monkeypatch.setattr(retrieval, "PAIRS", pairs)
    head, x = head_of([4, 7], [5, 5], [0.1, 0.5], members)
    torch.manual_seed(2)
    identity, there = torch.randint(0, 8, (2, 30)).float(), (torch.rand(2, 30) < 0.7).float()
    logits = head(x)
    found = head.loss_together(logits, identity, there) * there.unsqueeze(-1)
    for task, (size, temperature) in enumerate(((4, 0.1), (7, 0.5))):
        for member in range(members):
            z = torch.nn.functional.normalize(logits[task, :, member, :size], dim=-1).detach().double().numpy()
            expected = by_hand(z, identity[task].numpy(), there[task].numpy() > 0, temperature)
            np.testing.assert_allclose(found[task, :, member].detach(), expected, atol=1e-4)
    found.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())
    assert not logits[0, ..., 4:].any()


@pytest.mark.parametrize("rows", [1, 2])
def test_rows_with_nobody_alike_cost_nothing(rows: int) -> None:
    head, x = head_of([4], [5], [0.1])
    found = head.loss(head(x[:, :rows]), torch.arange(float(rows))[None])
    assert found.tolist() == [[[0.0]] * rows]
    found.sum().backward()
    assert all(not p.grad.any() for p in head.parameters() if p.grad is not None)


def test_points_at_the_centre_have_gradients_that_end() -> None:
    head, _ = head_of([4], [3], [0.1])
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    head.loss(head(torch.randn(1, 10, 1, 6)), torch.randint(0, 3, (1, 10)).float()).sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() < 1e6 for p in head.parameters())


def test_pooled_members_have_the_mean_of_their_cosines() -> None:
    head, x = head_of([5], [3], [0.1], members=4)
    logits = head(x)
    z, pooled = points(logits)[0].transpose(0, 1), points(head.pooled(logits))[0, :, 0]
    torch.testing.assert_close(pooled @ pooled.T, (z @ z.transpose(1, 2)).mean(0))


def test_the_catalogue_is_the_mean_of_points_and_predictions_are_shares_of_it() -> None:
    head, x = head_of([4, 7], [3, 6], [0.1, 0.5], members=2)
    torch.manual_seed(3)
    identity = torch.stack([torch.randint(0, n, (30,)) for n in (3, 6)]).float()
    there, logits = (torch.rand(2, 30) < 0.8).float(), head(x)
    assert torch.allclose(head.predictions(logits)[0, ..., :3], torch.full((), 1 / 3))  # before there is one
    head.fill((logits[:, part], identity[:, part], there[:, part]) for part in (slice(0, 11), slice(11, 30)))
    for task, (size, identities) in enumerate(((4, 3), (7, 6))):
        for one in range(identities):
            rows = (identity[task] == one) & (there[task] > 0)
            mean = torch.nn.functional.normalize(logits[task, rows], dim=-1).mean(0)[:, :size]
            torch.testing.assert_close(head.catalogue[task, :, one, :size], torch.nn.functional.normalize(mean, dim=-1))
    shares = head.predictions(logits)
    torch.testing.assert_close(shares.sum(-1), torch.ones(2, 30, 2))
    assert not shares[0, ..., 3:].any()
    cosine = torch.nn.functional.cosine_similarity(logits[1, 5, 0], head.catalogue[1, 0], dim=-1)
    torch.testing.assert_close(shares[1, 5, 0], torch.softmax(cosine / 0.5, 0))


@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_predicts_the_whole_catalogue(way: str, members: int, similar: Encodings, rows: RowsOf) -> None:
    network = stirred(build_network(similar, model_of(way, members=members))).eval()
    found = predict(network, similar, rows(similar, 30, 1).inputs)
    assert (found["r"].shape, found["s"].shape, found["a"].shape) == ((30, 6), (30, 4), (30,))
    for name in ("r", "s"):
        np.testing.assert_allclose(found[name].sum(1), 1)


def test_rows_without_a_label_are_in_no_sum(way: str, similar: Encodings, rows: RowsOf) -> None:
    """Whatever identity stands there: losses and gradients of the others stay."""
    network, some = stirred(build_network(similar, model_of(way))).eval(), rows(similar, 24, 2)
    targets, mask = labels_of(some)
    found = []
    for filler in (0.0, 1.0):
        network.zero_grad()
        losses = network.losses(network(batch_of(network, some)), torch.where(mask > 0, targets, filler), mask)
        losses.sum().backward()
        found.append([losses, *(p.grad.clone() for p in network.parameters() if p.grad is not None)])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert (found[0][0] > 0).all()


def test_a_taken_out_task_keeps_its_catalogue(similar: Encodings, rows: RowsOf) -> None:
    network = build_network(similar, model_of("shared_bottom")).eval()
    head = network.head("retrieval")
    assert isinstance(head, Retrieval)
    torch.nn.init.normal_(head.catalogue)
    at, inputs = [task.name for task in similar.tasks].index("s"), rows(similar, 10, 3).inputs
    alone = network.only([at])
    expected = predict(network, similar, inputs)["s"]
    np.testing.assert_allclose(predict(alone, Encodings(similar.inputs, (similar.tasks[at],)), inputs)["s"], expected, atol=1e-6)
    again = build_network(similar, model_of("shared_bottom")).eval()
    again.load_state_dict(network.state_dict())
    np.testing.assert_array_equal(predict(again, similar, inputs)["s"], expected)
