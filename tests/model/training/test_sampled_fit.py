"""fit where tasks share no rows, with every sampler: it learns, gives the same bytes also after a stop, and counts what it saw."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from mtl.balancing import BALANCINGS
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import plan_of
from mtl.spec import Model, Training
from mtl.spec.options import ON_GRADIENTS
from mtl.training import Epoch, Fitted, fit
from mtl.training.batches import Store
from mtl.training.fit import _scores
from mtl.training.loop import train_epoch
from mtl.training.run import Run
from mtl.training.samplers import SAMPLERS
from mtl.training.seen import seen_of, told
from mtl.training.stopping import mean_score

RowsOf = Callable[..., AlignedSet]
CPU = torch.device("cpu")
ALL = ["proportional", *SAMPLERS]
MODEL = Model(width=16, depth=2, dropout=0.1)
LARGE, SMALL = "abc", "defg"
"""Tasks of the first entity, and of the second, which has a sixth of the rows."""


@pytest.fixture
def mixed(mixed: Encodings) -> Encodings:
    """Those of LARGE and SMALL."""
    return replace(mixed, tasks=mixed.tasks[:7])


def apart(rows: AlignedSet) -> AlignedSet:
    """The same rows, with the labels of LARGE on the first five sixths and of SMALL on the rest."""
    first = np.arange(len(rows.targets)) < len(rows.targets) * 5 // 6
    mine = np.array([[name in LARGE for name in rows.tasks]])
    return replace(rows, labelled=rows.labelled & (first[:, None] == mine))


def training(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 8, "patience": 8, "lr": 5e-3, "device": "cpu", "relatedness": 3, **more}
    return Training.model_validate(asked)


def fitted(mixed: Encodings, rows: RowsOf, folder: Path | None = None, stop_after: int = 0, **more: object) -> Fitted:
    def progress(epoch: Epoch) -> None:
        if epoch.epoch == stop_after:
            raise InterruptedError

    train, valid = apart(rows(mixed, 600, 0)), apart(rows(mixed, 240, 1))
    return fit(mixed, train, valid, MODEL, training(**more), checkpoints=folder, progress=progress)


def bytes_of(found: Fitted) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in found.network.parameters()) + str(found.history.rows()).encode()


@pytest.mark.parametrize("sampler", ALL)
def test_every_task_learns_and_a_run_goes_on_with_the_same_bytes(
    sampler: str, mixed: Encodings, rows: RowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))
    whole = fitted(mixed, rows, sampler=sampler)
    best = whole.history.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first())
    assert float(np.mean(best["valid_loss"].to_list())) < 0.97
    for stop_after in (1, 4):
        with pytest.raises(InterruptedError):
            fitted(mixed, rows, tmp_path, stop_after, sampler=sampler)
    assert bytes_of(fitted(mixed, rows, tmp_path, sampler=sampler)) == bytes_of(whole)


def test_it_is_counted_how_often_labels_were_seen(mixed: Encodings, rows: RowsOf) -> None:
    train = apart(rows(mixed, 600, 0))
    labels = dict(zip(train.tasks, train.labelled.sum(0).tolist(), strict=True))
    found = {}
    for sampler in ALL:
        run = fitted(mixed, rows, sampler=sampler, max_epochs=5)
        found[sampler] = seen_of(run.history, dict.fromkeys(labels, 3), labels)
        assert {name: of["labels"] for name, of in found[sampler].items()} == labels
        assert all(of["to_best"] == pytest.approx(3 * of["an_epoch"], rel=0.1, abs=0.1) for of in found[sampler].values())
    assert {of["an_epoch"] for of in found["proportional"].values()} == {1.0}
    for sampler in ("uniform", "round_robin", "by_weight"):  # half of about 550 rows is six tenths of the large one's
        assert all(found[sampler][name]["an_epoch"] == pytest.approx(0.6, rel=0.15) for name in LARGE)
        assert all(found[sampler][name]["an_epoch"] == pytest.approx(3, rel=0.15) for name in SMALL)
    assert 1 < found["temperature"]["e"]["an_epoch"] < found["uniform"]["e"]["an_epoch"]


def test_a_line_says_who_was_seen_least_and_most() -> None:
    seen = {"a": {"an_epoch": 0.6}, "b": {"an_epoch": 3.204}}
    assert told(seen, "proportional") == ""
    assert told(seen, "uniform") == "; uniform: labels seen ×0.6 (a) to ×3.2 (b) an epoch"
    assert told({"a": {"an_epoch": 1.0}}, "uniform") == "; uniform: every label seen ×1 an epoch"


@pytest.mark.parametrize("balancing", BALANCINGS)
def test_every_balancing_gets_on_with_batches_of_one_unit(balancing: str, mixed: Encodings, rows: RowsOf) -> None:
    """Half of the tasks are absent in each step; gradients meet at the parameters, since no two units share rows."""
    options = {"warmup": 1} if balancing == "stch" else {}
    found = fitted(mixed, rows, sampler="round_robin", balancing=balancing, options=options, max_epochs=4)
    best = found.history.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first())
    assert float(np.mean(best["valid_loss"].to_list())) < 0.97
    assert all(np.isfinite(weight) for weight in found.weights.values())
    assert found.relatedness is not None
    assert found.relatedness.at == "parameters"
    met = np.array([[value is not None for value in row] for row in found.relatedness.cosine])
    sides = np.array([task.name in LARGE for task in mixed.tasks])
    assert (met == (sides[:, None] == sides)).all()


@pytest.mark.parametrize("balancing", [name for name in ON_GRADIENTS if name not in ("pcgrad", "gradvac")])
def test_weights_of_absent_tasks_stay_and_those_of_the_others_are_as_if_there_were_no_more(
    balancing: str, mixed: Encodings, rows: RowsOf
) -> None:
    """A step on one unit's rows, by a network of all tasks and by the same network of that unit's tasks alone."""
    some = [place for place, task in enumerate(mixed.tasks) if task.name in LARGE]
    plan, found = plan_of(mixed), []
    for tasks in (list(range(len(mixed.tasks))), some):
        torch.manual_seed(0)
        run = Run.start(plan, Model(width=8, depth=2, dropout=0), training(balancing=balancing, optimizer="sgd"), None, CPU)
        run.meet(torch.eye(len(mixed.tasks)).repeat_interleave(9, 1))
        if tasks == some:
            run.put(run.network.only(some), some)
        store = Store.of(plan, apart(rows(mixed, 200, 0)), CPU).only(tasks)
        for epoch in (1, 2):
            run.epoch = epoch
            train_epoch(run, replace(store, mask=store.mask * (torch.arange(200) < 160)), 4)
        weights = run.balancing.weights()
        assert weights is not None
        found.append((weights, dict(run.network.body.named_parameters())))
    (whole, body), (alone, same) = found
    torch.testing.assert_close(whole[some], alone, rtol=1e-4, atol=1e-5)
    for name, parameter in same.items():
        torch.testing.assert_close(body[name], parameter, rtol=1e-3, atol=1e-4)
    rest = whole[[place for place in range(len(mixed.tasks)) if place not in some]]
    expected = torch.ones_like(rest) if balancing == "gradnorm" else alone.mean().expand(len(rest))
    torch.testing.assert_close(rest, expected, rtol=1e-4, atol=1e-5)


def test_a_task_without_a_row_in_an_epoch_has_no_loss_and_no_score(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Nine units take turns in eight steps; the first has no label in valid either."""
    encodings = make([(f"t{i}", "regression") for i in range(9)])
    train, valid = rows(encodings, 90, 0), rows(encodings, 45, 1)
    own = np.arange(90)[:, None] % 9 == np.arange(9)[None]
    train = replace(train, labelled=own)
    valid = replace(valid, labelled=np.repeat([[False] + [True] * 8], 45, 0))
    told: list[Epoch] = []
    fitted = fit(
        encodings, train, valid, MODEL, training(sampler="round_robin", relatedness=None, max_epochs=9), progress=told.append
    )
    without = fitted.history.filter(pl.col("train_loss").is_null())
    assert without["labels"].to_list() == [0] * 9
    assert without["epoch"].to_list() == list(range(1, 10))
    assert sorted(without["task"]) == sorted(f"t{i}" for i in range(9))
    for epoch in told:
        lacking = without.filter(pl.col("epoch") == epoch.epoch)["task"].item()
        assert set(epoch.train_loss) == {f"t{i}" for i in range(9)} - {lacking}
        assert epoch.score > 0


def test_what_has_no_score_has_no_say() -> None:
    assert _scores([None, 2.0, None], [None, None, 3.0], [1.0, 4.0, 6.0]) == [None, 0.5, 0.5]
    assert mean_score([None, 0.5, 0.7]) == 0.6
    assert mean_score([None]) == math.inf
