"""Samplers: units of tasks, shares of a batch, and every row as often as its unit's others, over the epochs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mtl.network.sharing import SHARINGS
from mtl.spec import Training
from mtl.spec.options import OWN_ROWS
from mtl.training.dealing import POOL, POOLS, joint, own, steps
from mtl.training.samplers import PROPORTIONAL, SAMPLERS, Asked, Unit, units_of
from mtl.training.samplers.visits import visits

SIZES = (400, 90, 25)
SHARES = [name for name in SAMPLERS if name != "round_robin"]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def units(sizes: Sequence[int] = SIZES) -> list[Unit]:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [Unit((i,), torch.arange(end - size, end)) for i, (size, end) in enumerate(zip(sizes, ends, strict=True))]


def batches(name: str, epoch: int = 1, count: int = 20, seed: int = 0, sizes: Sequence[int] = SIZES, **more: Any) -> list[Tensor]:
    asked = {"weights": [1.0] * len(sizes), "temperature": 5.0, "lengths": None, **more}
    order = generator(seed * 1000 + epoch)
    return SAMPLERS[name](Asked(units(sizes), seed=seed, epoch=epoch, count=count, generator=order, **asked))


def drawn(parts: Sequence[Tensor], sizes: Sequence[int] = SIZES) -> list[int]:
    """Rows of each unit, over all of these batches."""
    return [int(torch.isin(torch.cat(list(parts)), unit.rows).sum()) for unit in units(sizes)]


def test_the_spec_offers_what_there_is() -> None:
    assert {PROPORTIONAL, *SAMPLERS} == set(get_args(Training.model_fields["sampler"].annotation))
    assert set(OWN_ROWS) == {name for name, sharing in SHARINGS.items() if sharing.own_rows}


# ---------------------------------------------------------------- units


def test_tasks_on_common_rows_are_one_unit_also_by_way_of_a_third() -> None:
    mask = torch.zeros(6, 12)
    mask[0, :4] = mask[3, 2:6] = mask[5, 5:8] = 1  # 0 and 5 meet in 3 only
    mask[1, 9:] = mask[4, 10:] = 1
    found = units_of(mask)  # task 2 has no label
    assert [unit.tasks for unit in found] == [(0, 3, 5), (1, 4)]
    assert [unit.rows.tolist() for unit in found] == [list(range(8)), [9, 10, 11]]


@given(st.integers(1, 8), st.integers(1, 60), st.integers(0, 5))
def test_every_labelled_row_is_in_one_unit(tasks: int, rows: int, seed: int) -> None:
    mask = (torch.rand(tasks, rows, generator=generator(seed)) < 0.05).float()
    found = units_of(mask)
    together = torch.cat([unit.rows for unit in found]) if found else torch.zeros(0)
    assert sorted(together.tolist()) == mask.any(0).nonzero().flatten().tolist()
    assert sorted(task for unit in found for task in unit.tasks) == mask.any(1).nonzero().flatten().tolist()


# ---------------------------------------------------------------- proportional: as ever


def dealt_as_ever(rows: Tensor, count: int, order: torch.Generator | None, lengths: Tensor | None) -> list[Tensor]:
    """How rows were dealt before there were samplers."""
    shuffled = rows if order is None else rows[torch.randperm(len(rows), generator=order)]
    if lengths is None or order is None:
        return list(shuffled.tensor_split(count))
    each, parts = max(1, min(POOL, count // POOLS)), shuffled.tensor_split(count)
    pools = [torch.cat(parts[start : start + each]) for start in range(0, count, each)]
    sizes = [len(parts[start : start + each]) for start in range(0, count, each)]
    dealt = [p for pool, n in zip(pools, sizes) for p in pool[torch.argsort(lengths[pool], stable=True)].tensor_split(n)]
    return [dealt[i] for i in torch.randperm(count, generator=order)]


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize(("rows", "count"), [(7, 7), (300, 8), (5000, 100), (1000, 33)])
def test_without_a_sampler_batches_are_what_they_were(rows: int, count: int, shuffled: bool, ragged: bool) -> None:
    mask = torch.rand((3, rows), generator=generator(rows)) < 0.5
    lengths = torch.randint(1, 99, (rows,), generator=generator(1)) if ragged else None
    order = [generator(5) if shuffled else None for _ in range(4)]
    expected = dealt_as_ever(mask.any(0).nonzero().flatten(), count, order[0], lengths)
    assert [p.tolist() for p in joint(mask, count, order[1], lengths)] == [p.tolist() for p in expected]
    each = [dealt_as_ever(row.nonzero().flatten(), count, order[2], lengths) for row in mask]
    for found, *wanted in zip(own(mask, count, order[3], lengths), *each, strict=True):
        assert [[row for row in of_task if row >= 0] for of_task in found.tolist()] == [part.tolist() for part in wanted]


# ---------------------------------------------------------------- what all samplers have


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("ragged", [False, True])
def test_an_epoch_is_a_function_of_seed_and_number(name: str, ragged: bool) -> None:
    """Also without the epochs before it, so that a run can go on at any."""
    lengths = torch.randint(1, 99, (sum(SIZES),), generator=generator(1)) if ragged else None
    first, again, next_one, other = (
        [p.tolist() for p in batches(name, epoch, seed=seed, lengths=lengths)] for epoch, seed in ((3, 1), (3, 1), (4, 1), (3, 2))
    )
    assert first == again
    assert first not in (next_one, other)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("ragged", [False, True])
def test_over_the_epochs_no_row_of_a_unit_comes_more_often_than_another(name: str, ragged: bool) -> None:
    lengths = torch.randint(1, 99, (sum(SIZES),), generator=generator(1)) if ragged else None
    epochs = [batches(name, epoch, lengths=lengths) for epoch in range(1, 8)]
    assert {len(parts) for parts in epochs} == {20}
    times = Counter(row for parts in epochs for part in parts for row in part.tolist())
    for unit in units():
        counts = [times[row] for row in unit.rows.tolist()]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("name", SHARES)
def test_batches_are_of_one_size_and_each_has_its_share_of_every_unit(name: str) -> None:
    parts = batches(name, weights=[1.0, 2.0, 0.5])
    total = drawn(parts)
    assert max(len(p) for p in parts) - min(len(p) for p in parts) <= 1
    for part in parts:
        assert all(abs(n - whole / 20) < 2 for n, whole in zip(drawn([part]), total, strict=True))


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.integers(1, 30), st.sampled_from(list(SAMPLERS)))
def test_any_sizes(sizes: list[int], count: int, name: str) -> None:
    parts = batches(name, 2, count, sizes=sizes)
    assert len(parts) == count
    assert all(len(part) for part in parts)
    assert sum(map(len, parts)) <= sum(sizes) + len(sizes) * (1 + count)


def test_one_unit_is_seen_once_an_epoch_whatever_the_sampler() -> None:
    for name in SAMPLERS:
        assert sorted(torch.cat(batches(name, sizes=(200,))).tolist()) == list(range(200))


# ---------------------------------------------------------------- shares


def test_uniform_draws_as_many_of_each() -> None:
    assert drawn(batches("uniform", sizes=(400, 200, 60)), (400, 200, 60)) == [220, 220, 220]


def test_temperature_goes_from_the_rows_own_shares_to_uniform() -> None:
    sizes = (4000, 400, 100)
    own_shares, middle, flat = (drawn(batches("temperature", sizes=sizes, temperature=t), sizes) for t in (1.0, 2.0, 1e9))
    assert own_shares == list(sizes)
    weights = [size**0.5 for size in sizes]
    assert middle == pytest.approx([4500 * w / sum(weights) for w in weights], abs=1)
    assert flat == [1500, 1500, 1500]


def test_by_weight_goes_by_the_mean_weight_of_a_units_tasks() -> None:
    assert drawn(batches("by_weight", weights=[1.0, 3.0, 1.0], sizes=(300, 200, 100)), (300, 200, 100)) == [120, 360, 120]
    mask = torch.zeros(3, 90)
    mask[:2, :60] = mask[2, 60:] = 1
    asked = Asked(units_of(mask), [1.0, 2.0, 3.0], 5.0, 0, 1, 10, generator(0))
    parts = torch.cat(SAMPLERS["by_weight"](asked))
    assert (int((parts < 60).sum()), int((parts >= 60).sum())) == (30, 60)


def test_a_tiny_unit_comes_whole_in_a_batch_and_not_more() -> None:
    sizes = (1000, 3)
    parts = batches("uniform", sizes=sizes)
    assert drawn(parts, sizes) == [943, 60], "what it cannot take is another's"
    assert all(drawn([part], sizes)[1] == 3 for part in parts)


@pytest.mark.parametrize("name", SHARES)
def test_batches_stay_as_large_as_without_a_sampler(name: str) -> None:
    sizes, count = (10_000, 5), steps(10_005, 256)
    assert {len(part) for part in batches(name, count=count, sizes=sizes)} <= {250, 251}
    assert {len(part) for part in batches(name, count=1001, sizes=(600, 401))} == {1}


@given(st.lists(st.integers(1, 90), min_size=1, max_size=5), st.integers(1, 12), st.sampled_from(SHARES), st.booleans())
def test_no_batch_has_a_row_twice(sizes: list[int], count: int, name: str, ragged: bool) -> None:
    lengths = torch.randint(1, 99, (sum(sizes),), generator=generator(1)) if ragged else None
    for epoch in (1, 2, 3):
        parts = batches(name, epoch, count, sizes=sizes, lengths=lengths, weights=[1.0 + i for i in range(len(sizes))])
        assert all(len(set(part.tolist())) == len(part) for part in parts)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("ragged", [False, True])
def test_a_row_changes_its_batch_so_that_none_has_it_twice_and_shares_stay(ragged: bool) -> None:
    sizes, count = (1000, 100), steps(1100, 128)
    lengths = torch.randint(1, 99, (sum(sizes),), generator=generator(1)) if ragged else None
    for epoch in range(1, 5):
        parts = batches("uniform", epoch, count, sizes=sizes, lengths=lengths)
        assert all(len(set(part.tolist())) == len(part) for part in parts)
        assert all(abs(drawn([part], sizes)[1] - 550 / count) < 2 for part in parts)


# ---------------------------------------------------------------- round robin


def test_round_robin_takes_turns_from_one_epoch_into_the_next() -> None:
    turns = []
    for epoch in (1, 2, 3):
        for part in batches("round_robin", epoch):
            (unit,) = [number for number, of in enumerate(units()) if torch.isin(part, of.rows).all()]
            assert len(part) == min(26, SIZES[unit])  # 515 rows in 20 steps
            assert len(part) == len(set(part.tolist())) or unit < 2
            turns.append(unit)
    assert turns == [step % 3 for step in range(60)]


def test_with_more_units_than_steps_those_without_a_turn_have_theirs_in_the_next_epoch() -> None:
    sizes = [10] * 7
    seen = [set(torch.cat(batches("round_robin", epoch, 4, sizes=sizes)).tolist()) for epoch in (1, 2)]
    assert {row // 10 for row in seen[0]} == {0, 1, 2, 3}
    assert {row // 10 for row in seen[1]} == {4, 5, 6, 0}


# ---------------------------------------------------------------- rows of different length


@pytest.mark.parametrize("name", SAMPLERS)
def test_batches_are_little_padded_and_still_mixed(name: str) -> None:
    """Also where one unit's texts are all longer than the other's: a batch has the short ones of both, or the long ones."""
    sizes, count = (16_000, 8_000), 200
    lengths = torch.cat(
        [torch.randint(1, 100, (16_000,), generator=generator(0)), torch.randint(200, 400, (8_000,), generator=generator(1))]
    )
    parts = batches(name, count=count, sizes=sizes, lengths=lengths)
    padded = {}
    for number, unit in enumerate(units(sizes)):
        mine = [part[torch.isin(part, unit.rows)] for part in parts]
        mine = [part for part in mine if len(part)]
        assert len(mine) == (count // 2 if name == "round_robin" else count)
        longest = [int(lengths[part].max()) * len(part) for part in mine]
        padded[number] = float(lengths[torch.cat(mine)].sum()) / sum(longest)
    assert min(padded.values()) > 0.85


# ---------------------------------------------------------------- the endless order


@given(st.integers(1, 40), st.integers(0, 300), st.integers(0, 90), st.integers(-3, 5))
def test_visits_go_on_where_they_were(size: int, start: int, length: int, seed: int) -> None:
    rows = torch.arange(100, 100 + size)
    whole = visits(rows, 0, start + length, seed, 1)
    assert visits(rows, start, start + length, seed, 1).tolist() == whole[start:].tolist()
    for begin in range(0, len(whole) - size + 1, size):
        assert sorted(whole[begin : begin + size].tolist()) == rows.tolist()


def test_each_pass_is_in_another_order() -> None:
    rows = torch.arange(50)
    passes = [tuple(visits(rows, 50 * i, 50 * (i + 1), 0, 0).tolist()) for i in range(4)]
    others = [tuple(visits(rows, 0, 50, *at).tolist()) for at in ((1, 0), (0, 1))]
    assert len({*passes, *others}) == 6
