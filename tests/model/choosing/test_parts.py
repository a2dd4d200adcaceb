"""What a choice is made of: folds, gains, mixes and proposals."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from mtl.balancing.place import ENOUGH, overlap
from mtl.choosing.done import Done, Taught
from mtl.choosing.folds import folds_of
from mtl.choosing.gains import Gain, shrunk
from mtl.choosing.mixes import Mix, Trunk, best_of, mixes_of
from mtl.choosing.propose import affine_groups, proposals
from mtl.choosing.training import Job, trained
from mtl.choosing.trials import Alternative, Trial
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.tabular import NumericColumn, TabularEncoding
from mtl.spec import Model, Training

ABCD = ("a", "b", "c", "d")


def gain(value: float, doubt: float = 0.1) -> Gain:
    return Gain((value - doubt, value, value + doubt), value, doubt, value, doubt, 1.0, 1.0)


def trunk(tasks: str, *values: float, doubt: float = 0.1, sharing: str = "shared_bottom") -> Trunk:
    return Trunk(sharing, tuple(tasks), {name: gain(value, doubt) for name, value in zip(tasks, values, strict=True)}, {})


def stored(folder: Path, groups: list[str | None]) -> AlignedSet:
    rows = len(groups)
    keys = pl.DataFrame(
        {"entity": ["thing"] * rows, "key": [str(i) for i in range(rows)], "group": pl.Series(groups, dtype=pl.String)}
    )
    number = np.arange(rows, dtype=np.float32)[:, None]
    arrays = {
        "numeric": number,
        "missing": number < 0,
        "categorical": np.zeros((rows, 0), np.int32),
        "present": np.ones(rows, bool),
    }
    AlignedSet({"x": arrays}, number, number >= 0, ("a",)).write(folder, keys)
    return AlignedSet.read(folder)


@pytest.mark.parametrize("folds", [1, 2, 5])
@pytest.mark.parametrize("grouped", [False, True])
def test_folds_part_the_rows_and_keep_groups_whole(folds: int, grouped: bool, tmp_path: Path) -> None:
    groups = [f"g{i % 20}" if grouped else None for i in range(100)]
    rows = stored(tmp_path / "rows", groups)
    made = folds_of(rows, rows, folds)
    judged = [set(fold.judge.inputs["x"]["numeric"][:, 0].astype(int).tolist()) for fold in made]
    for fold, judge in zip(made, judged, strict=True):
        learned = set(fold.learn.inputs["x"]["numeric"][:, 0].astype(int).tolist())
        assert not learned & judge
        assert len(learned | judge) == 100
        assert not {groups[i] for i in learned} & {groups[i] for i in judge} - {None}
        assert (fold.units is not None) == grouped
    assert all(not a & b for a, b in combinations(judged, 2))
    assert len(set.union(*judged)) == (100 if folds > 1 else 25)


def test_where_gradients_meet_is_the_same_on_every_fold(tmp_path: Path) -> None:
    """Task b has labels on a little more of a's rows than the limit asks for; what a fold leaves of them is now more, now less.
    The stage `train` will see all of them: so do trainings on folds, and their figures can be averaged."""
    rows = 200
    whole = stored(tmp_path / "rows", [None] * rows)
    labelled = np.stack([np.ones(rows, np.bool_), np.arange(rows) < 51], 1)
    targets = np.where(labelled, np.random.default_rng(0).normal(size=(rows, 2)), 0).astype(np.float32)
    AlignedSet(whole.inputs, targets, labelled, ("a", "b")).write(tmp_path / "two", whole.keys())
    train = AlignedSet.read(tmp_path / "two")
    table = TabularEncoding("x", {"thing": "table"}, (NumericColumn("n", "n", 100.0, 60.0),), ())
    tasks = tuple(TaskEncoding(name, name, "regression", "thing", "table", name, ("x",), "r2") for name in "ab")
    training = Training(max_epochs=1, relatedness=1, device="cpu")
    made = folds_of(train, train, 4)
    left = [overlap(torch.from_numpy(fold.learn.labelled.T.copy()), torch.ones(2, 2)) for fold in made]
    assert min(left) < ENOUGH < overlap(torch.from_numpy(labelled.T.copy()), torch.ones(2, 2))
    for number, fold in enumerate(made):
        job = Job(number, Encodings({"x": table}, tasks), Model(width=4, depth=1), training, "", "", None)
        related = trained(job, fold, None).related
        assert related is not None
        assert related["at"] == "representation"


def test_what_cannot_be_read_is_trained_again(tmp_path: Path) -> None:
    """A file that a full disk cut short is no result, and no reason to stop."""
    file = tmp_path / "one.npz"
    taught = Taught(np.ones((1, 2, 1), np.float32), np.zeros((1, 2), np.float32))
    Done({"a": np.arange(300.0)}, {"at": "parameters"}, taught).write(file)
    done = Done.read(file)
    assert done is not None
    assert done.taught is not None
    assert (done.predicted["a"].tolist(), done.related) == (list(range(300)), {"at": "parameters"})
    assert (done.taught.soft.tolist(), done.taught.mask.tolist()) == (taught.soft.tolist(), taught.mask.tolist())
    whole = file.read_bytes()
    for kept in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:kept])
        assert Done.read(file) is None
    file.write_bytes(whole.replace(b"\x00\x00\x00\x00\x00\x00\xf0?", b"\x00\x00\x00\x00\x00\x00\xf1?"))
    assert Done.read(file) is None, "its checksum does not fit"
    assert Done.read(tmp_path / "none.npz") is None


def test_noise_alone_makes_no_task_stand_out() -> None:
    random = np.random.default_rng(0)
    found = shrunk({str(i): (2 + 5 * random.normal(), 5.0) for i in range(139)})
    assert all(0 < likely < 4 for likely, _ in found.values())


def test_a_clear_effect_stays() -> None:
    random = np.random.default_rng(0)
    measured = {str(i): (1 + 0.3 * random.normal(), 0.3) for i in range(10)} | {"hurt": (-4.0, 0.4)}
    likely, doubt = shrunk(measured)["hurt"]
    assert likely == pytest.approx(-4, abs=0.5)
    assert likely + doubt < 0
    assert all(shrunk(measured)[str(i)][0] > 0 for i in range(10))


def test_few_tasks_are_taken_as_they_are() -> None:
    assert shrunk({"a": (1.0, 0.5), "b": (-3.0, 0.5)}) == {"a": (1.0, 0.5), "b": (-3.0, 0.5)}


def test_who_cannot_be_judged_is_like_the_others() -> None:
    found = shrunk({**{str(i): (1.0 + i / 10, 0.2) for i in range(6)}, "unknown": (0.0, 1e3)})
    assert found["unknown"][0] == pytest.approx(1.25, abs=0.2)


def test_mixes_are_all_ways_to_put_trunks_beside_each_other() -> None:
    trunks = [
        trunk("abcd", 1, 1, 1, -1),
        trunk("ab", 2, 2),
        trunk("cd", 1, 1),
        trunk("abc", 1, 1, 1),
        trunk("abcd", 3, 3, 3, 3, sharing="mmoe"),
    ]
    found = {tuple("".join(one.tasks) for one in mix.trunks) for mix in mixes_of(ABCD, trunks)}
    assert found == {(), ("abcd",), ("ab",), ("cd",), ("abc",), ("ab", "cd")}
    sharings = [mix.sharing for mix in mixes_of(ABCD, trunks) if len(mix.gains) == 4]
    assert sharings.count("mmoe") == 1


def test_no_mix_with_a_hurt_task_is_chosen() -> None:
    trunks = [trunk("abcd", 9, 9, 9, -1), trunk("abc", 1, 1, 1)]
    best = best_of(mixes_of(ABCD, trunks), 3)
    assert best.groups == (("a", "b", "c"), ("d",))
    assert best_of(mixes_of(ABCD, trunks[:1]), 3).sharing == "separate"


def test_a_larger_mix_has_to_be_clearly_ahead() -> None:
    together = trunk("abcd", 1, 1, 1, 1)
    noisy = Trunk("shared_bottom", ("a", "b", "c"), {n: Gain((-2, 2, 6), 2, 2, 2, 0.5, 1, 1) for n in "abc"}, {})
    assert best_of(mixes_of(ABCD, [together, noisy]), 3).groups is None
    assert best_of(mixes_of(ABCD, [together, trunk("abc", 2, 2, 2)]), 3).groups == (("a", "b", "c"), ("d",))


def test_affine_groups_have_the_largest_total() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        affinity = random.normal(size=(6, 6))
        for count in (2, 3):
            found = affine_groups("abcdef", affinity, count)
            assert sorted(name for group in found for name in group) == list("abcdef")
            assert total(affinity, found) == pytest.approx(max(total(affinity, groups) for groups in partitions(count)))


def total(affinity: np.ndarray, groups: tuple[tuple[str, ...], ...]) -> float:
    """Sum over tasks of the mean affinity of its group's others onto it."""
    each = []
    for group in groups:
        at = ["abcdef".index(name) for name in group]
        each += [np.mean([affinity[i, j] for i in at if i != j]) for j in at]
    return float(sum(each))


def partitions(count: int) -> list[tuple[tuple[str, ...], ...]]:
    """All partitions of abcdef into so many groups of two or more."""
    found = []
    for labels in np.ndindex(*[count] * 6):
        groups = tuple(tuple(n for n, label in zip("abcdef", labels, strict=True) if label == g) for g in range(count))
        if all(len(group) > 1 for group in groups):
            found.append(groups)
    return found


def test_many_tasks_are_clustered() -> None:
    block = np.arange(30) % 2
    affinity = np.where(block[:, None] == block, 0.5, -0.1) + np.eye(30)
    names = [f"t{i}" for i in range(30)]
    assert affine_groups(names, affinity, 2) == (tuple(names[::2]), tuple(names[1::2]))
    assert affine_groups(names[:3], affinity[:3, :3], 2) == ()
    assert affine_groups(names, np.full((30, 30), np.nan), 2) == ()


def test_proposals_begin_with_those_who_lose() -> None:
    first = Alternative("shared_bottom", (ABCD,))
    gains = {"a": gain(1), "b": gain(2), "c": gain(-0.05), "d": gain(-3)}
    best = Mix(ABCD, ())
    asked = list(proposals(ABCD, [Trial(first, gains)], best, np.ones((4, 4)), ["mmoe"], dict.fromkeys(ABCD, 1.0)))
    assert asked[0] == Alternative("shared_bottom", (("a", "b"),))
    assert asked[1] == Alternative("mmoe", (ABCD,))
    assert asked[2] == Alternative("shared_bottom", (ABCD,), (("a", 1.0), ("b", 1.0), ("c", 4.0), ("d", 4.0)))
    assert asked[3] == Alternative("shared_bottom", (("a", "b", "c"),))
    assert not any(one.weights for one in proposals(ABCD, [Trial(first, gains)], best, np.ones((4, 4)), [], {}))


def test_three_groups_are_proposed_unless_one_network_is_best() -> None:
    names, pairs = tuple("abcdef"), np.kron(np.eye(3), np.ones((2, 2)))
    together, two = trunk("abcdef", *[1] * 6), (trunk("abcd", *[2] * 4), trunk("ef", 2, 2))
    trials = [Trial(Alternative("shared_bottom", (names,)), together.gains)]
    groups = {
        best.networks: [len(one.groups) for one in proposals(names, trials, best, pairs, [], {})]
        for best in (Mix(names, (together,)), Mix(names, two), Mix(names, ()))
    }
    assert groups == {1: [2], 2: [2, 3], 6: [2, 3]}
