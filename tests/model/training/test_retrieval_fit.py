"""Training on identities: what stops it means something, and a row whose like is not in the batch has no say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network
from mtl.spec import Model, Training
from mtl.training import fit, loop
from mtl.training.baseline import best_constants, constant_losses
from mtl.training.batches import Store
from mtl.training.catalogue import fill_catalogue
from mtl.training.loop import train_epoch, valid_losses
from mtl.training.run import Run

RowsOf = Callable[..., AlignedSet]
CPU = torch.device("cpu")
MODEL = Model(width=16, depth=2, dropout=0)
R, A, S = range(3)
"""Places of the tasks of `similar`."""


def training(**more: Any) -> Training:
    return Training.model_validate({"lr": 5e-3, "batch_size": 64, "max_epochs": 8, "patience": 8, "device": "cpu", **more})


def run_of(network: Network, **more: Any) -> Run:
    torch.manual_seed(0)
    run = Run.start(network.plan, MODEL, training(**more), network.sharing, CPU)
    run.put(network, run.active)
    return run


def guessing(encodings: Encodings, members: int = 1) -> Network:
    """A network whose points all lie in one place."""
    network = build_network(encodings, Model(width=16, depth=2, dropout=0, members=members))
    for parameter in network.heads.parameters():
        torch.nn.init.zeros_(parameter)
    return network


def only(rows: AlignedSet, chosen: np.ndarray[Any, Any]) -> AlignedSet:
    """The same rows; those of `chosen` alone have labels of retrieval."""
    mask = rows.labelled.copy()
    mask[:, [R, S]] &= chosen[:, None]
    return replace(rows, labelled=mask)


def one_of_each(rows: AlignedSet) -> AlignedSet:
    """One labelled row of each identity of a task."""
    mask = rows.labelled.copy()
    for task in (R, S):
        known = np.flatnonzero(mask[:, task])
        first = known[np.unique(rows.targets[known, task], return_index=True)[1]]
        mask[:, task] = np.isin(np.arange(len(mask)), first)
    return replace(rows, labelled=mask)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_where_no_row_of_valid_has_its_like_there_it_still_stops_by_what_it_learns(
    sharing: str, similar: Encodings, rows: RowsOf
) -> None:
    done = fit(similar, rows(similar, 400, 1), one_of_each(rows(similar, 150, 2)), MODEL, training(), sharing=sharing)
    mine = done.history.filter(pl.col("task") != "a").group_by("task").agg(pl.col("valid_loss"))
    assert all(len(set(losses)) == 8 and min(losses) > 0 for losses in mine["valid_loss"].to_list())
    assert min(done.best_epoch[name] for name in "rs") > 1


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("size", [8192, 30])
def test_the_loss_that_stops_hangs_on_no_other_row(
    size: int, members: int, similar: Encodings, rows: RowsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row's loss is the same in any batch: −log of the share that its identity has in the prediction."""
    torch.manual_seed(1)
    network = build_network(similar, Model(width=16, depth=2, dropout=0, members=members))
    train, valid = (Store.of(network.plan, rows(similar, n, n), CPU) for n in (300, 200))
    fill_catalogue(network, train)
    monkeypatch.setattr(loop, "VALID_ROWS", size)
    found = valid_losses(run_of(network), valid)
    with torch.no_grad():
        told = network.decode(network(valid.batch(torch.arange(200)).inputs))
    for task in (R, S):
        own = told[task].gather(1, valid.targets[task].long()[:, None]).squeeze(1)
        known = valid.mask[task] > 0
        assert found.mean[task] == pytest.approx(float(-own[known].log().mean()), rel=1e-4)
    assert found.counts == valid.mask.sum(1).tolist()


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("count", [8, 60, 400])
def test_one_is_guessing_on_valid_of_any_size(count: int, members: int, similar: Encodings, rows: RowsOf) -> None:
    network = guessing(similar, members)
    train, valid = (Store.of(network.plan, rows(similar, n, n), CPU) for n in (300, count))
    fill_catalogue(network, train)
    losses, constants = (
        valid_losses(run_of(network), valid).mean,
        constant_losses(network, best_constants(network, train), train, valid),
    )
    for task, identities in ((R, 6), (S, 4)):
        assert losses[task] == pytest.approx(constants[task], rel=1e-5)
        assert constants[task] == pytest.approx(np.log(identities), rel=1e-5)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_one_is_guessing_on_train_where_valid_has_no_label(sharing: str, similar: Encodings, rows: RowsOf) -> None:
    network = build_network(similar, MODEL, sharing=sharing)
    for parameter in network.heads.parameters():
        torch.nn.init.zeros_(parameter)
    some = rows(similar, 512, 1, labelled=1.0)
    train = Store.of(network.plan, some, CPU)
    valid = Store.of(network.plan, only(rows(similar, 100, 2), np.zeros(100, bool)), CPU)
    run = run_of(network, lr=1e-9)
    losses = train_epoch(run, train, 8)
    constants = constant_losses(network, best_constants(network, train), train, valid, 8)
    for task in (R, S):
        assert losses.mean[task] == pytest.approx(constants[task], rel=1e-3)


@pytest.mark.parametrize("balancing", ["geometric_mean", "famo", "equal", "fairgrad"])
def test_a_batch_in_which_no_row_finds_its_like_is_one_without_labels(balancing: str, similar: Encodings, rows: RowsOf) -> None:
    """It stood for a loss of 0, which took the other tasks' step away."""
    some = one_of_each(rows(similar, 200, 1))
    steps = []
    for labels in (some, only(some, np.zeros(200, bool))):
        torch.manual_seed(1)
        network = build_network(similar, MODEL)
        before = [p.detach().clone() for p in network.body.parameters()]
        run = run_of(network, balancing=balancing, optimizer="full_batch", lr=0.1)
        losses = train_epoch(run, Store.of(network.plan, labels, CPU), 1)
        assert [losses.mean[task] for task in (R, S)] == [None, None]
        assert losses.counts == [0, int(labels.labelled[:, A].sum()), 0]
        steps.append([p.detach() - old for p, old in zip(network.body.parameters(), before, strict=True)])
    assert max(float(step.abs().max()) for step in steps[1]) > 1e-4
    for mine, without in zip(*steps, strict=True):
        torch.testing.assert_close(mine, without, rtol=1e-3, atol=1e-6)


def test_a_mean_is_over_the_rows_that_find_their_like(similar: Encodings, rows: RowsOf) -> None:
    some = rows(similar, 200, 1)
    pair, rare = np.flatnonzero(some.labelled[:, R])[:2], np.flatnonzero(some.labelled[:, R])[2]
    targets, mask = some.targets.copy(), some.labelled.copy()
    mask[:, R] = np.isin(np.arange(200), [*pair, rare])
    targets[pair, R], targets[rare, R] = 1, 2
    torch.manual_seed(1)
    network = build_network(similar, MODEL).eval()
    store = Store.of(network.plan, replace(some, targets=targets * mask, labelled=mask), CPU)
    losses = train_epoch(run_of(network, optimizer="full_batch"), store, 1)
    whole = store.batch(torch.arange(200))
    torch.manual_seed(1)
    again = build_network(similar, MODEL).train()
    expected = again.losses(again(whole.inputs), whole.targets, whole.mask)[R].item() / 2
    assert losses.counts[R] == 2
    assert losses.mean[R] == pytest.approx(expected, rel=1e-4)
