"""Training with tasks that tag: it learns, with whatever else there is; a killed run goes on with the same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtl.balancing.engine import gramian
from mtl.data.encodings import Encodings
from mtl.errors import TrainingError
from mtl.evaluation.metrics import point
from mtl.network import build_network, predict
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit
from mtl.training.batches import Store
from mtl.training.meeting import Meetings, place_of
from tests.tagging import alone, apart, mixed, rows_of


class StopError(Exception):
    """Thrown by the tests at the end of an epoch."""


def fitted(
    encodings: Encodings, sharing: str, folder: Path | None = None, stop_after: int | None = None, rows: int = 200, **more: Any
) -> Fitted:
    def progress(epoch: Epoch) -> None:
        if epoch.epoch == stop_after:
            raise StopError

    model = Model.model_validate({"width": 16, "dropout": 0.1, **more.pop("model", {})})
    asked = {"lr": 0.01, "batch_size": 32, "max_epochs": 4, "patience": 4, "device": "cpu", **more}
    train, valid = rows_of(encodings, rows, 1), rows_of(encodings, 60, 2)
    training = Training.model_validate(asked)
    return fit(encodings, train, valid, model, training, sharing=sharing, checkpoints=folder, progress=progress)


def bytes_of(found: Fitted) -> str:
    parts = [p.detach().numpy().tobytes() for p in found.network.parameters()]
    return hashlib.sha256(b"".join(parts) + f"{found.history.rows()} {found.best_epoch} {found.gates}".encode()).hexdigest()


@pytest.mark.parametrize(("sharing", "network"), [("shared_bottom", "lstm"), ("separate", "gru"), ("cgc", "cnn")])
def test_it_learns_to_tag(sharing: str, network: str) -> None:
    encodings = mixed(network)
    found = fitted(encodings, sharing, max_epochs=16, patience=16, rows=150, lr=0.03)
    test = rows_of(encodings, 80, 3)
    predicted, truth, labelled = (
        predict(found.network, encodings, test.inputs),
        test.truth(encodings.tasks),
        test.labels(encodings.tasks),
    )
    for task in (one for one in encodings.tasks if one.kind == "tagging"):
        rows = np.flatnonzero(labelled[task.name])
        assert (point("tagging", truth[task.name][rows], predicted[task.name][rows])["accuracy"].value or 0) > 0.85


@pytest.mark.parametrize(
    "more",
    [{"distillation": {}}, {"balancing": "mgda"}, {"balancing": "uncertainty"}, {"relatedness": 2}, {"model": {"members": 2}},
     {"regularizers": {"mean": 0.01}}, {"sampler": "round_robin"}],
)  # fmt: skip
def test_it_learns_with_what_else_there_is(more: dict[str, Any]) -> None:
    found = fitted(mixed(), "shared_bottom", max_epochs=3, rows=120, **more)
    for task in "ac":
        mine = found.history.filter(found.history["task"] == task)
        assert mine["train_loss"].min() < 0.97 * mine["train_loss"][0]
        assert mine["valid_loss"].min() < mine["valid_loss"][0], "tags are not right so soon, but surer"


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_cut_short_it_goes_on_with_the_same_bytes(sharing: str, tmp_path: Path) -> None:
    encodings = apart()
    whole = fitted(encodings, sharing, rows=80)
    with pytest.raises(StopError):
        fitted(encodings, sharing, tmp_path, stop_after=2, rows=80)
    assert bytes_of(fitted(encodings, sharing, tmp_path, rows=80)) == bytes_of(whole)


def test_a_task_alone_is_trained_like_any_other() -> None:
    found = fitted(alone(), "shared_bottom")
    assert found.history["valid_loss"].min() < 0.5 * found.history["valid_loss"][0]


def test_gradients_meet_at_the_parameters_and_are_those_of_each_loss() -> None:
    """The Gramian of the engine against one backward pass a task."""
    encodings = mixed()
    torch.manual_seed(0)
    network, rows = build_network(encodings, Model(width=8, dropout=0.0)).train(), rows_of(encodings, 30, 4)
    store = Store.of(network.plan, rows, torch.device("cpu"))
    assert place_of(network, store.mask) == "parameters"
    batch, meetings = store.batch(torch.arange(30)), Meetings(network)
    with meetings.traced(True):
        outputs = meetings.forward(batch.inputs)
        losses = network.losses(outputs, batch.targets, batch.mask, batch.lists)
        found = gramian(losses, torch.ones(5, dtype=torch.bool), meetings(outputs), "parameters")
    shared = network.shared_parameters()
    each = [torch.autograd.grad(loss, shared, retain_graph=True, allow_unused=True) for loss in losses]
    flat = torch.stack(
        [torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in zip(of, shared, strict=True)]) for of in each]
    )
    torch.testing.assert_close(found, (flat @ flat.T).double(), rtol=1e-4, atol=1e-5)


def test_they_cannot_meet_at_the_representation() -> None:
    with pytest.raises(TrainingError, match=r"(?s)training\.at: representation.*tags tokens"):
        fitted(mixed(), "shared_bottom", balancing="mgda", at="representation", max_epochs=1)
