"""Dealing rows of different length: every row once an epoch, hardly padded, another order each epoch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mtl.training.dealing import joint, own


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lengths_of(rows: int, seed: int = 0) -> Tensor:
    return torch.randint(1, 200, (rows,), generator=generator(seed))


@given(st.integers(1, 300), st.integers(1, 60), st.booleans())
def test_every_labelled_row_comes_once(rows: int, count: int, shuffled: bool) -> None:
    mask = torch.rand((3, rows), generator=generator(rows)) < 0.4
    mask[0, 0] = True
    order = generator(1) if shuffled else None
    parts = list(joint(mask, count, order, lengths_of(rows)))
    assert len(parts) == count
    assert sorted(torch.cat(parts).tolist()) == mask.any(0).nonzero().flatten().tolist()
    sizes = {len(part) for part in parts}
    assert max(sizes) - min(sizes) <= 1
    for dealt in [torch.cat(list(own(mask, count, order, lengths_of(rows))), dim=1)]:
        for t in range(3):
            assert sorted(dealt[t][dealt[t] >= 0].tolist()) == mask[t].nonzero().flatten().tolist()


def test_batches_are_hardly_padded_and_come_in_no_order_of_length() -> None:
    lengths, mask = lengths_of(20_000), torch.ones(1, 20_000)
    parts = list(joint(mask, 200, generator(0), lengths))
    longest = torch.tensor([int(lengths[part].max()) for part in parts])
    filled = float(lengths.sum()) / float(sum(len(part) * most for part, most in zip(parts, longest, strict=True)))
    assert filled > 0.95
    assert abs(float(torch.corrcoef(torch.stack([longest.float(), torch.arange(200).float()]))[0, 1])) < 0.2


def test_each_epoch_deals_anew_and_the_same_seed_the_same() -> None:
    lengths, mask = lengths_of(500), torch.ones(1, 500)
    first, again, other = ([p.tolist() for p in joint(mask, 10, generator(s), lengths)] for s in (0, 0, 1))
    assert first == again
    assert {frozenset(part) for part in first} != {frozenset(part) for part in other}


@pytest.mark.parametrize("deal", [joint, own])
def test_rows_of_one_length_are_dealt_as_ever(deal: type) -> None:
    mask = torch.ones(2, 50)
    (plain,) = [torch.cat([p.flatten() for p in deal(mask, 7, generator(3))])]
    torch.manual_seed(0)
    expected = torch.cat([torch.randperm(50, generator=g).flatten() for g in [generator(3)]])
    if deal is joint:
        assert plain.tolist() == expected.tolist()
    assert sorted(set(plain.tolist()) - {-1}) == list(range(50))
