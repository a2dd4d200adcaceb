"""Training on labels that are lists: it learns, batches hold the right lists, a killed run goes on with the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.ragged import Ragged
from mtl.network import plan_of
from mtl.network.sharing import SHARINGS
from mtl.spec import Model, Training
from mtl.training import Fitted, fit
from mtl.training.batches import Store
from mtl.training.checkpoints import digest

RowsOf = Callable[..., AlignedSet]


def fitted(encodings: Encodings, rows: RowsOf, sharing: str, checkpoints: Path | None = None, **more: Any) -> Fitted:
    model = Model.model_validate({"sharing": sharing, "width": 16, "depth": 2, "dropout": 0.0, **more.pop("model", {})})
    training = Training.model_validate({"lr": 5e-3, "batch_size": 64, "max_epochs": 8, "patience": 8, **more})
    return fit(encodings, rows(encodings, 400, 1), rows(encodings, 150, 2), model, training, checkpoints=checkpoints)


@pytest.mark.parametrize("sharing", list(SHARINGS))
def test_it_learns(sharing: str, listed: Encodings, rows: RowsOf) -> None:
    found = fitted(listed, rows, sharing).history
    best = found.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first()).sort("task")
    assert best["task"].to_list() == ["a", "b", "l", "m"]
    assert best["valid_loss"].max() < 0.97


@pytest.mark.parametrize("more", [{"distillation": {}}, {"relatedness": 2}, {"model": {"members": 3}}, {"balancing": "fairgrad"}])
def test_it_learns_with_what_else_there_is(more: dict[str, Any], listed: Encodings, rows: RowsOf) -> None:
    found = fitted(listed, rows, "shared_bottom", **more)
    mine = found.history.filter(pl.col("task") == "l")["valid_loss"]
    assert mine.min() < 0.97 * mine[0]


@pytest.mark.parametrize("shared", [True, False])
def test_a_batch_holds_its_rows_lists(shared: bool, listed: Encodings, rows: RowsOf) -> None:
    some = rows(listed, 50, 3)
    store = Store.of(plan_of(listed), some, torch.device("cpu")).only([3, 2, 0])
    at = torch.tensor([7, 3, 49, 3]) if shared else torch.tensor([[7, 3], [49, -1], [3, 8]])
    lists = store.batch(at).lists
    assert set(lists) == {1, 2}  # m and l, by their new places
    for place, name in ((1, "m"), (2, "l")):
        own = at if shared else at[place]
        expected = [some.lists[name][[int(row)]].values.tolist() if row >= 0 else [] for row in own]
        assert [[n for n in row if n] for row in lists[place].tolist()] == expected


def test_other_lists_are_other_rows(listed: Encodings, rows: RowsOf) -> None:
    some = rows(listed, 20, 4)
    changed = replace(some, lists={**some.lists, "m": Ragged(3 - some.lists["m"].values, some.lists["m"].offsets)})
    assert digest(some) != digest(changed)
    assert digest(some) == digest(replace(some))


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_cut_short_it_goes_on_with_the_same_bytes(sharing: str, listed: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    def die(epoch: Any) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    model = Model.model_validate({"sharing": sharing, "width": 16, "depth": 2})
    training = Training.model_validate(
        {"lr": 5e-3, "batch_size": 64, "max_epochs": 5, "distillation": {}} if sharing != "separate" else {"max_epochs": 5}
    )
    train, valid = rows(listed, 200, 1), rows(listed, 80, 2)
    with pytest.raises(KeyboardInterrupt):
        fit(listed, train, valid, model, training, checkpoints=tmp_path, progress=die)
    again = fit(listed, train, valid, model, training, checkpoints=tmp_path)
    whole = fit(listed, train, valid, model, training)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name
    assert np.array_equal(again.history["valid_loss"], whole.history["valid_loss"])
