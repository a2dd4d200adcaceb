"""Training on identities: it learns, and the catalogue is that of the weights that are kept, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn import functional

from mtl.choosing.choice import of_tasks
from mtl.choosing.folds import of_tasks as columns_of
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, plan_of, predict
from mtl.network.heads.retrieval import Retrieval
from mtl.network.sharing import SHARINGS
from mtl.spec import Distillation, Model, Training
from mtl.training import Fitted, fit
from mtl.training.assembly import assembled
from mtl.training.batches import Store
from mtl.training.distillation import lesson_on, may_learn
from tests.model.network.conftest import batch_of

RowsOf = Callable[..., AlignedSet]


def fitted(encodings: Encodings, rows: RowsOf, sharing: str, **more: Any) -> tuple[Fitted, AlignedSet]:
    model = Model.model_validate({"sharing": sharing, "width": 16, "depth": 2, "dropout": 0.1, **more.pop("model", {})})
    training = Training.model_validate({"lr": 5e-3, "batch_size": 64, "max_epochs": 9, "patience": 9, **more})
    train = rows(encodings, 400, 1)
    return fit(encodings, train, rows(encodings, 150, 2), model, training), train


def catalogue_of(network: Network) -> torch.Tensor:
    head = network.head("retrieval")
    assert isinstance(head, Retrieval)
    return head.catalogue


def means(network: Network, train: AlignedSet, encodings: Encodings) -> dict[str, np.ndarray[Any, Any]]:
    """Task → [member, identity, size]: the mean point of each identity's labelled rows, by hand."""
    with torch.no_grad():
        batch = batch_of(network, train)
        logits = network(batch).logits["retrieval"]
    names, found = [encodings.tasks[t].name for t in network.kinds["retrieval"]], {}
    for place, name in enumerate(names):
        at = train.tasks.index(name)
        z = functional.normalize(logits[place], dim=-1).double().numpy()
        classes = len(encodings.tasks[at].classes)
        rows = [train.labelled[:, at] & (train.targets[:, at] == c) for c in range(classes)]
        mean = np.stack([z[row].mean(0) for row in rows], 1)
        found[name] = mean / np.linalg.norm(mean, axis=-1, keepdims=True)
    return found


@pytest.mark.parametrize("sharing", list(SHARINGS))
def test_it_learns_and_knows_every_identity(sharing: str, similar: Encodings, rows: RowsOf) -> None:
    done, train = fitted(similar, rows, sharing)
    best = done.history.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first()).sort("task")
    assert best["valid_loss"].max() < 0.99
    for place, (name, mean) in enumerate(means(done.network, train, similar).items()):
        size, identities = (8, 6) if name == "r" else (3, 4)
        found = catalogue_of(done.network)[place]
        np.testing.assert_allclose(found[:, :identities, :size], mean[..., :size], atol=2e-5)
        assert not found[:, identities:].any()
        assert not found[..., size:].any()
    test = rows(similar, 200, 3)
    right = predict(done.network, similar, test.inputs)["s"].argmax(1) == test.targets[:, 2]
    assert right[test.labelled[:, 2]].mean() > 0.5


@pytest.mark.parametrize(
    "more",
    [{"model": {"members": 3}}, {"balancing": "fairgrad"}, {"relatedness": 2}, {"balancing": "mgda", "at": "representation"}],
)
def test_with_what_else_there_is(more: dict[str, Any], similar: Encodings, rows: RowsOf) -> None:
    done, train = fitted(similar, rows, "shared_bottom", **more)
    mine = done.history.filter(pl.col("task") == "r")["valid_loss"]
    assert mine.min() < 0.95 * mine[0]
    for place, mean in enumerate(means(done.network, train, similar).values()):
        np.testing.assert_allclose(catalogue_of(done.network)[place, :, : mean.shape[1]], mean, atol=2e-5)


def test_nobody_teaches_it(similar: Encodings, rows: RowsOf) -> None:
    """Its place in a lesson is empty; others are taught."""
    single, train = fitted(similar, rows, "separate")
    lesson = lesson_on(single.network, train, Distillation())
    assert lesson.mask.sum(1).tolist() == [0, 400, 0]
    assert not lesson.soft[[0, 2]].any()
    plan = plan_of(similar)
    assert may_learn(plan, Store.of(plan, train, torch.device("cpu")))[[0, 2]].sum() == 0
    done, _ = fitted(similar, rows, "shared_bottom", distillation={})
    assert done.history.group_by("task").agg(pl.col("valid_loss").last() / pl.col("valid_loss").first())["valid_loss"].max() < 1


def test_put_together_each_task_keeps_its_own(similar: Encodings, rows: RowsOf) -> None:
    """Tasks that stand alone have the catalogue of their single-task network, others that of the shared one."""
    single, train = fitted(similar, rows, "separate")
    pair = of_tasks(similar, ["r", "a"])
    model = Model.model_validate({"sharing": "shared_bottom", "width": 16, "depth": 2, "groups": [["r", "a"]]})
    training = Training.model_validate({"max_epochs": 2})
    valid = rows(similar, 150, 2)
    shared = fit(pair, columns_of(train, ["r", "a"]), columns_of(valid, ["r", "a"]), model, training)
    whole = assembled(plan_of(similar), model, shared.network, single.network)
    found, inputs = predict(whole, similar, valid.inputs), valid.inputs
    np.testing.assert_allclose(found["r"], predict(shared.network, pair, inputs)["r"], atol=1e-6)
    np.testing.assert_allclose(found["s"], predict(single.network, similar, inputs)["s"], atol=1e-6)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_cut_short_it_goes_on_with_the_same_bytes(sharing: str, similar: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    def die(epoch: Any) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    model, training = (
        Model.model_validate({"sharing": sharing, "width": 16, "depth": 2}),
        Training.model_validate({"max_epochs": 5}),
    )
    train, valid = rows(similar, 200, 1), rows(similar, 80, 2)
    with pytest.raises(KeyboardInterrupt):
        fit(similar, train, valid, model, training, checkpoints=tmp_path, progress=die)
    again = fit(similar, train, valid, model, training, checkpoints=tmp_path).network.state_dict()
    whole = fit(similar, train, valid, model, training).network.state_dict()
    assert "heads.retrieval.catalogue" in whole
    assert whole["heads.retrieval.catalogue"].any()
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())
