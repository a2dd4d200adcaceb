"""Rows of one identity come in pairs: every row once, another order each epoch, little padded, and it helps."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mtl.training.dealing import joint, own
from mtl.training.pairs import in_pairs


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def identities(rows: int, of: int, seed: int = 0, known: float = 0.8) -> Tensor:
    found = torch.randint(0, of, (rows,), generator=generator(seed))
    return torch.where(torch.rand(rows, generator=generator(seed + 1)) < known, found, -1)


def partners(parts: list[Tensor], identity: Tensor) -> float:
    """Share of the rows with an identity that find their like in their batch."""
    of = [identity[part][identity[part] >= 0] for part in parts]
    alike = [((one[:, None] == one).sum(1) > 1).float() for one in of]
    return float(torch.cat(alike).mean())


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 5))
def test_all_rows_once_and_two_by_two(rows: int, of: int, seed: int) -> None:
    identity = identities(rows + 10, of, seed)
    chosen = torch.randperm(rows + 10, generator=generator(seed))[:rows]
    order, _ = in_pairs(chosen, identity, None, generator(seed))
    assert sorted(order.tolist()) == sorted(chosen.tolist())
    found, at, alone = identity[order].tolist(), 0, []
    while at < rows:
        pair = at + 1 < rows and found[at] >= 0 and found[at] == found[at + 1]
        alone += [] if pair or found[at] < 0 else [found[at]]
        at += 1 + pair
    assert len(alone) == len(set(alone)), "one of an odd number stands alone, no more"


def test_each_epoch_pairs_anew_and_the_same_seed_the_same() -> None:
    identity = identities(400, 40)
    first, again, other = (in_pairs(torch.arange(400), identity, None, generator(s))[0].tolist() for s in (0, 0, 1))
    assert first == again
    neighbours = [{frozenset(pair) for pair in pairwise(order)} for order in (first, other)]
    assert len(neighbours[0] & neighbours[1]) < 60


def test_every_row_finds_its_like_in_small_batches() -> None:
    """By chance one in five does."""
    identity, mask = identities(3_000, 240, known=1.0), torch.ones(2, 3_000)
    assert partners(list(joint(mask, 48, generator(0))), identity) < 0.3
    assert partners(list(joint(mask, 48, generator(0), alike=identity)), identity) > 0.9


def test_also_where_rows_are_dealt_by_length_and_still_little_padded() -> None:
    identity, lengths = identities(6_000, 600, known=1.0), torch.randint(1, 200, (6_000,), generator=generator(5))
    parts = list(joint(torch.ones(1, 6_000), 96, generator(0), lengths, identity))
    assert sorted(torch.cat(parts).tolist()) == list(range(6_000))
    assert partners(parts, identity) > 0.9
    longest = sum(len(part) * int(lengths[part].max()) for part in parts)
    assert float(lengths.sum()) / longest > 0.6  # two rows of one identity differ in length


def test_each_task_has_its_own_pairs() -> None:
    mask = (torch.rand((3, 2_000), generator=generator(2)) < 0.7).float()
    of = {0: identities(2_000, 150, 3, known=1.0), 2: identities(2_000, 100, 4, known=1.0)}
    dealt = list(own(mask, 30, generator(1), None, of))
    for t in range(3):
        rows = [part[t][part[t] >= 0] for part in dealt]
        assert sorted(torch.cat(rows).tolist()) == mask[t].nonzero().flatten().tolist()
        if t in of:
            assert partners(rows, of[t]) > 0.85
