"""Relatedness along a run: planted friends and enemies are found, at no cost to the bytes, also after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.relatedness.lookahead import lookahead
from mtl.relatedness.order import clusters, leaf_order
from mtl.relatedness.tracking import Tracker
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit

Make = Callable[..., Encodings]
KINDS = [("a", "regression"), ("b", "binary"), ("c", "regression"), ("d", "regression")]


def planted(encodings: Encodings, rows: int, seed: int, disjoint: bool = False) -> AlignedSet:
    """a and b follow the same signal, c its reverse in what a narrow trunk can hold, d another one."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, 4)).astype(np.float32)
    signal, other = x[:, 0] * x[:, 1], x[:, 2] + x[:, 3]
    noise = 0.5 * random.normal(size=(3, rows))
    targets = np.stack([signal + noise[0], signal > 0, np.abs(signal) + noise[1], other + noise[2]], 1).astype(np.float32)
    owner = np.arange(rows)[:, None] % 4 == np.arange(4)
    labelled = owner if disjoint else np.ones((rows, 4), bool)
    arrays = {"numeric": x, "missing": np.zeros(x.shape, bool), "categorical": np.zeros((rows, 0), np.int32)}
    tasks = tuple(task.name for task in encodings.tasks)
    return AlignedSet({"x": {**arrays, "present": np.ones(rows, bool)}}, targets * labelled, labelled, tasks)


def trained(
    encodings: Encodings,
    *,
    disjoint: bool = False,
    folder: Path | None = None,
    stop: int | None = None,
    rows: int = 600,
    **more: object,
) -> Fitted:
    asked = {"batch_size": 64, "max_epochs": 12, "patience": 12, "lr": 0.01, "device": "cpu", "relatedness": 4}
    spec = {"width": 16, "depth": 2, "dropout": 0.1}
    asked |= {key: more.pop(key) for key in list(more) if key in Training.model_fields}

    def progress(epoch: Epoch) -> None:
        if epoch.epoch == stop:
            raise InterruptedError

    train, valid = (planted(encodings, n, s, disjoint) for n, s in ((rows, 0), (200, 1)))
    training, model = Training.model_validate(asked), Model.model_validate(spec | more)
    return fit(encodings, train, valid, model, training, checkpoints=folder, progress=progress)


@pytest.mark.parametrize("disjoint", [False, True])
def test_friends_and_strangers_are_told_apart(disjoint: bool, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.training.relating.AHEAD", 1.0)
    found = trained(make(KINDS), disjoint=disjoint, rows=1600 if disjoint else 600).relatedness
    assert found is not None
    assert found.at == ("parameters" if disjoint else "representation")
    friends, strangers = found.cosine[0][1], found.cosine[0][3]
    assert friends is not None
    assert strangers is not None
    assert friends > strangers + (0 if disjoint else 0.1)
    conflicts, affinity = (np.array(matrix, dtype=float) for matrix in (found.conflicts, found.affinity))
    assert disjoint or conflicts[0][1] < conflicts[0][3]
    assert affinity[0][1] > affinity[0][3]
    assert all(affinity[t][t] > 0 for t in range(4))
    assert all(found.cosine[t][t] == pytest.approx(1) for t in range(4))
    assert all(norm > 0 for norm in found.norms if norm is not None)
    json.dumps(found.as_json(), allow_nan=False)


def test_it_leaves_the_weights_as_they_are(make: Make) -> None:
    watched, blind = trained(make(KINDS)), trained(make(KINDS), relatedness=None)
    assert blind.relatedness is None
    assert all(torch.equal(x, y) for x, y in zip(watched.network.parameters(), blind.network.parameters(), strict=True))


@pytest.mark.parametrize("more", [{}, {"groups": [["a", "c"]]}, {"sharing": "hybrid"}])
def test_a_stopped_run_goes_on_to_the_same_numbers(
    more: dict[str, object], make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))
    asked = {**more, "patience": 3, "lr": 0.05}
    undisturbed = trained(make(KINDS), **asked)
    for stop in (1, 3, 5):
        with pytest.raises(InterruptedError):
            trained(make(KINDS), folder=tmp_path, stop=stop, **asked)
    again = trained(make(KINDS), folder=tmp_path, **asked)
    assert again.relatedness == undisturbed.relatedness
    assert again.best_epoch == undisturbed.best_epoch
    assert all(torch.equal(x, y) for x, y in zip(again.network.parameters(), undisturbed.network.parameters(), strict=True))


def test_groups_do_not_meet(make: Make) -> None:
    found = trained(make(KINDS), groups=[["a", "b"]]).relatedness
    assert found is not None
    for matrix in (found.cosine, found.conflicts, found.affinity):
        assert [[value is None for value in row] for row in matrix] == [[(i < 2) != (j < 2) for j in range(4)] for i in range(4)]


def test_where_nothing_is_shared_nothing_is_measured(make: Make) -> None:
    assert trained(make(KINDS), sharing="separate").relatedness is None


def test_it_stays_within_its_share_of_the_steps(make: Make) -> None:
    tracker, spent, cost = Tracker(4, [range(4)], "parameters", torch.device("cpu")), 0, 5
    for steps in range(10, 4000, 10):
        times = tracker.allows(steps, cost, 0.03)
        if times > 0:
            tracker.spend(steps, times * cost)
            spent += times * cost
        assert spent <= 0.03 * steps
    assert spent > 60


def test_lookahead_is_one_minus_the_ratio_of_losses() -> None:
    """By hand: losses θ², (θ − 1)² and none; a step on the first moves θ from 2 to 1."""

    def losses(of: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([of["t"] ** 2, (of["t"] - 1) ** 2, 0 * of["t"]])

    found = lookahead(losses, {"t": torch.tensor(2.0)}, {"t": torch.tensor(0.25)})
    assert found[0, :2].tolist() == pytest.approx([0.75, 1.0])
    assert found[1, :2].tolist() == pytest.approx([1 - 1.5**2 / 4, 0.75])
    assert found[2].isnan().all()
    assert found[:, 2].isnan().all()


def test_absent_tasks_have_no_say_and_sums_are_means() -> None:
    tracker = Tracker(3, [[0, 1, 2]], "parameters", torch.device("cpu"))
    gramian = torch.tensor([[4.0, -2.0, 0.0], [-2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    tracker.add(gramian, torch.tensor([True, True, False]), [0, 1, 2])
    tracker.add(torch.tensor([[1.0, 0.0], [0.0, 9.0]]), torch.tensor([True, True]), [0, 1])
    found = tracker.result(["a", "b", "c"])
    assert found.cosine[0][:2] == [1.0, -0.5]
    assert found.conflicts[0][1] == 0.5
    assert found.norms == [1.5, 2.0, None]
    assert found.cosine[2] == [None, None, None]


def test_order_and_clusters_find_the_blocks() -> None:
    random = np.random.default_rng(0)
    block = np.arange(9) % 3
    alike = np.where(block[:, None] == block, 0.5, -0.1) + 0.01 * random.normal(size=(9, 9))
    order = [int(block[t]) for t in leaf_order(alike)]
    assert sum(x != y for x, y in pairwise(order)) == 2
    assert clusters(alike, 3) == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert clusters(alike, 1) == [list(range(9))]
    assert leaf_order(np.zeros((2, 2))) == [0, 1]
    assert sorted(leaf_order(np.full((4, 4), np.nan))) == [0, 1, 2, 3]
