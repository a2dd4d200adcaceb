"""The head of tags against brute force: its loss with a chain and without, its members' opinion, its constant, what it decodes."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from mtl.network.heads.tagging import Tagging, legal_moves
from mtl.network.plan import TaskPlan

LENGTH = 2.5
TAGS = torch.tensor([[[1, 2, 3], [4, 0, 0], [0, 0, 0]], [[3, 1, 2], [2, 2, 0], [0, 0, 0]]])
"""[task, batch, longest], from 1: the first task's are spans, the second has three tags."""


def head(crf: tuple[bool, bool], members: int = 1, seed: int = 0) -> Tagging:
    torch.manual_seed(seed)
    tasks = [
        TaskPlan("a", "tagging", 5, frozenset("x"), tags="x", spans=True, crf=crf[0], length=LENGTH),
        TaskPlan("b", "tagging", 3, frozenset("x"), tags="x", crf=crf[1], length=LENGTH),
    ]
    made = Tagging(tasks, 4, 5, members).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return made


def grid(members: int = 1, seed: int = 1) -> Tensor:
    """Scores [task, batch, length, member, tag] of rows of 3, 1 and 0 tokens; the second task lacks two tags."""
    torch.manual_seed(seed)
    logits = torch.randn(2, 3, 3, members, 5, dtype=torch.float64)
    logits[1, ..., 3:] = -torch.inf
    for task, lengths in enumerate(((3, 1, 0), (3, 2, 0))):
        for row, length in enumerate(lengths):
            logits[task, row, length:] = -torch.inf
    return logits


def score(made: Tagging, scores: Tensor, tags: tuple[int, ...], task: int, member: int) -> float:
    """Of one row's scores [length, tag]; tags from 0."""
    found = sum(float(scores[i, tag]) for i, tag in enumerate(tags))
    if made.chained[task]:
        assert made.start is not None
        assert made.follow is not None
        start, follow = (one.detach()[task] for one in (made.start, made.follow))
        start, follow = (start, follow) if start.dim() == 1 else (start[member], follow[member])
        found += float(start[tags[0]]) + sum(float(follow[a, b]) for a, b in itertools.pairwise(tags))
    return found


def legal_of(made: Tagging, task: int, length: int) -> list[tuple[int, ...]]:
    start, follow = legal_moves(5, spans=task == 0)
    sequences = itertools.product(range(5 if task == 0 else 3), repeat=length)
    return [t for t in sequences if start[t[0]] and all(follow[a, b] for a, b in itertools.pairwise(t))]


@pytest.mark.parametrize("crf", [(True, True), (False, False), (True, False)])
@pytest.mark.parametrize("members", [1, 2])
def test_a_rows_loss_is_its_tags_surprise_over_the_mean_length(crf: tuple[bool, bool], members: int) -> None:
    made, logits = head(crf, members), grid(members).requires_grad_()
    found = made.loss(logits, TAGS)
    assert found.shape == (2, 3, members)
    for task, row, member in itertools.product(range(2), range(2), range(members)):
        tags = tuple(int(tag) - 1 for tag in TAGS[task, row] if tag)
        scores = logits[task, row, :, member].detach()
        if crf[task]:
            every = [score(made, scores, one, task, member) for one in legal_of(made, task, len(tags))]
            wanted = math.log(sum(map(math.exp, every))) - score(made, scores, tags, task, member)
        else:
            wanted = -sum(float(torch.log_softmax(scores[i], -1)[tag]) for i, tag in enumerate(tags))
        assert float(found[task, row, member].detach()) == pytest.approx(wanted / LENGTH, abs=1e-9)
    assert (found[:, 2] == 0).all()
    torch.autograd.backward(found.sum())
    assert all(bool(p.grad.isfinite().all()) for p in (logits, *made.parameters()) if p.grad is not None)


@pytest.mark.parametrize("crf", [(True, True), (False, False), (True, False)])
def test_decoded_are_the_best_legal_tags(crf: tuple[bool, bool]) -> None:
    made, logits = head(crf), grid()
    found = made.decode(logits)
    for task, lengths in enumerate(((3, 1, 0), (3, 2, 0))):
        for row, length in enumerate(lengths):
            each = (
                {t: score(made, logits[task, row, :, 0], t, task, 0) for t in legal_of(made, task, length)} if length else {(): 0.0}
            )
            best = max(each, key=lambda tags: each[tags])
            assert found[task, row].tolist() == [tag + 1 for tag in best] + [0] * (3 - length)


def test_members_are_pooled() -> None:
    """Of a chain the mean of scores, moves and beginnings; without one the mean probability of each tag."""
    made, logits = head((True, False), 3), grid(3)
    pooled = made.pooled(logits)
    torch.testing.assert_close(pooled[0], logits[0].mean(2, keepdim=True))
    chances = torch.softmax(pooled[1, 0], -1)
    torch.testing.assert_close(chances, torch.softmax(logits[1, 0], -1).mean(1, keepdim=True))
    alone = head((True, False))
    with torch.no_grad():
        for name in ("start", "follow"):
            getattr(alone, name).copy_(getattr(made, name).mean(1))
    torch.testing.assert_close(made.loss(pooled, TAGS), alone.loss(pooled, TAGS))
    assert torch.equal(made.decode(logits), alone.decode(pooled))


def test_pooling_has_a_gradient_where_there_is_no_token() -> None:
    logits = grid(2).requires_grad_()
    made = head((True, False), 2)
    torch.autograd.backward(made.loss(made.pooled(logits), TAGS).sum())
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_best_constant_is_how_frequent_tags_are() -> None:
    made = head((True, True))
    found = made.constant(torch.tensor([[1, 1, 2], [3, 0, 0], [0, 0, 0]]), 1)
    torch.testing.assert_close(found.exp(), torch.tensor([0.5, 0.25, 0.25, 0, 0], dtype=torch.float64), atol=1e-5, rtol=0)
    assert made.constant(torch.zeros(2, 1, dtype=torch.int64), 0).isfinite().all()


def test_scores_may_be_of_another_precision_than_the_chain() -> None:
    made, logits = head((True, False)).float(), grid()
    torch.testing.assert_close(made.loss(logits, TAGS), made.loss(logits.float(), TAGS).double())


def test_labels_of_a_batch_may_be_shorter_than_its_rows() -> None:
    """Where its longest row has no label."""
    made, logits = head((True, True)), grid()
    short = TAGS.clone()
    short[:, 0] = 0
    torch.testing.assert_close(made.loss(logits, short[..., :2]), made.loss(logits, short))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("crf", [(True, False), (False, True)])
def test_it_is_judged_by_wrong_tags_and_a_little_by_its_loss(crf: tuple[bool, bool], members: int) -> None:
    made, logits = head(crf, members), grid(members)
    decoded, pooled = made.decode(logits), made.pooled(logits) if members > 1 else logits
    wrong = ((decoded != TAGS) & (TAGS > 0)).sum(2).double()
    expected = wrong / LENGTH + 0.01 * made.loss(pooled, TAGS).mean(-1)
    torch.testing.assert_close(made.judged(logits, TAGS), expected)
    assert wrong.any()
    torch.testing.assert_close(made.judged(logits, decoded), 0.01 * made.loss(pooled, decoded).mean(-1))
