"""Dealing rows of different length: every row once an epoch, hardly padded, another order each epoch."""

from __future__ import annotations

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
    dealt = torch.cat(list(own(mask, count, order, lengths_of(rows))), dim=1)
    for t in range(3):
        assert sorted(dealt[t][dealt[t] >= 0].tolist()) == mask[t].nonzero().flatten().tolist()


def test_batches_are_little_padded_and_come_in_no_order_of_length() -> None:
    lengths, mask = lengths_of(20_000), torch.ones(1, 20_000)
    parts = list(joint(mask, 200, generator(0), lengths))
    longest = torch.tensor([int(lengths[part].max()) for part in parts])
    filled = float(lengths.sum()) / float(sum(len(part) * most for part, most in zip(parts, longest, strict=True)))
    assert filled > 0.9
    assert abs(float(torch.corrcoef(torch.stack([longest.float(), torch.arange(200).float()]))[0, 1])) < 0.2


def test_a_row_meets_others_in_the_next_epoch() -> None:
    """On small data too: one sorted pool would put it among the same rows for ever."""
    lengths, mask = lengths_of(2_000), torch.ones(1, 2_000)
    epochs = [{row: set(part.tolist()) for part in joint(mask, 32, generator(s), lengths) for row in part.tolist()} for s in (0, 1)]
    again = [len(epochs[0][row] & epochs[1][row]) - 1 for row in range(2_000)]
    assert sum(again) / 2_000 < 0.2 * 62


def test_each_epoch_deals_anew_and_the_same_seed_the_same() -> None:
    lengths, mask = lengths_of(500), torch.ones(1, 500)
    first, again, other = ([p.tolist() for p in joint(mask, 10, generator(s), lengths)] for s in (0, 0, 1))
    assert first == again
    assert {frozenset(part) for part in first} != {frozenset(part) for part in other}


def test_rows_of_one_length_are_simply_shuffled() -> None:
    plain = torch.cat(list(joint(torch.ones(2, 50), 7, generator(3))))
    assert plain.tolist() == torch.randperm(50, generator=generator(3)).tolist()
