"""Linear chains against brute force over every sequence: likelihood, gradient, the best sequence, what may not be."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from mtl.network.heads import chain
from mtl.network.heads.chain import best_tags, log_likelihood
from mtl.network.heads.tagging import legal_moves

LENGTHS = (4, 1, 3, 0, 2)


def made(leading: tuple[int, ...], tags: int, seed: int = 0, scale: float = 1.5) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    emissions = scale * torch.randn(*leading, len(LENGTHS), max(LENGTHS), tags, dtype=torch.float64)
    return emissions, torch.randn(*leading, tags, dtype=torch.float64), torch.randn(*leading, tags, tags, dtype=torch.float64)


def score_of(emissions: Tensor, start: Tensor, follow: Tensor, tags: tuple[int, ...]) -> float:
    """One row [length, tag], tags from 0."""
    moves = sum(float(follow[a, b]) for a, b in itertools.pairwise(tags))
    return float(start[tags[0]]) + moves + sum(float(emissions[i, tag]) for i, tag in enumerate(tags))


def all_scores(emissions: Tensor, start: Tensor, follow: Tensor, length: int) -> dict[tuple[int, ...], float]:
    sequences = itertools.product(range(len(start)), repeat=length)
    return {tags: score_of(emissions, start, follow, tags) for tags in sequences}


@pytest.mark.parametrize("leading", [(), (2,), (2, 3)])
@pytest.mark.parametrize("spans", [False, True])
def test_the_likelihood_is_a_share_of_all_sequences(leading: tuple[int, ...], spans: bool) -> None:
    emissions, start, follow = made(leading, 5)
    may_start, may_follow = legal_moves(5, spans)
    start, follow = start.masked_fill(~may_start, -torch.inf), follow.masked_fill(~may_follow, -torch.inf)
    random = torch.Generator().manual_seed(1)
    for _ in range(6):
        tags = torch.zeros(len(LENGTHS), max(LENGTHS), dtype=torch.int64)
        for row, length in enumerate(LENGTHS):
            first = [x.reshape(-1, *x.shape[len(leading) :])[0] for x in (start, follow)]
            scores = all_scores(torch.zeros(4, 5), *first, length) if length else {(): 0.0}
            legal = [tags_of for tags_of, of in scores.items() if of > -1e9]
            chosen = legal[int(torch.randint(len(legal), (), generator=random))]
            tags[row, :length] = torch.tensor(chosen, dtype=torch.int64) + 1
        found = log_likelihood(emissions, tags.expand(*leading, *tags.shape), start, follow)
        assert found.shape == (*leading, len(LENGTHS))
        for at in itertools.product(*(range(n) for n in leading)):
            for row, length in enumerate(LENGTHS):
                each = all_scores(emissions[at][row], start[at], follow[at], length) if length else {(): 0.0}
                mine = tuple(int(tag) - 1 for tag in tags[row, :length])
                wanted = each[mine] - float(torch.logsumexp(torch.tensor(list(each.values()), dtype=torch.float64), 0))
                assert float(found[at][row]) == pytest.approx(wanted, abs=1e-9)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    emissions, start, follow = (x.requires_grad_() for x in made((2,), 3))
    tags = torch.tensor([[1, 2, 3, 1], [2, 0, 0, 0], [3, 3, 1, 0], [0, 0, 0, 0], [1, 1, 0, 0]]).expand(2, -1, -1)
    assert torch.autograd.gradcheck(lambda e, s, f: log_likelihood(e, tags, s, f), (emissions, start, follow))


def test_what_may_not_be_leaves_gradients_finite() -> None:
    """Also where one tag is ahead by far, in float32."""
    may_start, may_follow = legal_moves(5, True)
    emissions = torch.zeros(2, 3, 5)
    emissions[0, :, 0] = 200.0
    emissions.requires_grad_()
    start, follow = (torch.zeros(of.shape, requires_grad=True) for of in (may_start, may_follow))
    masked = start.masked_fill(~may_start, -torch.inf), follow.masked_fill(~may_follow, -torch.inf)
    likelihood = log_likelihood(emissions, torch.tensor([[2, 3, 1], [1, 1, 4]]), *masked)
    torch.autograd.backward(likelihood.sum())
    assert likelihood.isfinite().all()
    assert all(bool(x.grad is not None and x.grad.isfinite().all()) for x in (emissions, start, follow))


@pytest.mark.parametrize("leading", [(), (3,)])
@pytest.mark.parametrize("spans", [False, True])
@pytest.mark.parametrize("cells", [1, 1 << 22])
def test_the_best_sequence_is_the_best_of_all(
    leading: tuple[int, ...], spans: bool, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row or all together."""
    monkeypatch.setattr(chain, "CELLS", cells)
    emissions, start, follow = made(leading, 5, seed=2)
    may_start, may_follow = legal_moves(5, spans)
    start, follow = start.masked_fill(~may_start, -torch.inf), follow.masked_fill(~may_follow, -torch.inf)
    there = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    found = best_tags(emissions, there.expand(*leading, *there.shape), start, follow)
    for at in itertools.product(*(range(n) for n in leading)):
        for row, length in enumerate(LENGTHS):
            each = all_scores(emissions[at][row], start[at], follow[at], length) if length else {(): 0.0}
            best = max(each, key=lambda tags: each[tags])
            assert found[at][row].tolist() == [tag + 1 for tag in best] + [0] * (max(LENGTHS) - length)


def test_a_span_goes_on_only_where_one_of_its_type_stands() -> None:
    """O, B-x, I-x, B-y, I-y."""
    start, follow = legal_moves(5, True)
    assert start.tolist() == [True, True, False, True, False]
    assert follow.tolist() == [
        [True, True, False, True, False],
        [True, True, True, True, False],
        [True, True, True, True, False],
        [True, True, False, True, True],
        [True, True, False, True, True],
    ]
    assert all(of.all() for of in legal_moves(5, False))
