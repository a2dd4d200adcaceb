"""Refit: the weights are those of a training on train and valid, at the epochs that valid had chosen; a killed one goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, predict
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit
from mtl.training.checkpoints import FILE
from mtl.training.stopping import Planned

RowsOf = Callable[..., AlignedSet]
Make = Callable[..., Encodings]
MODEL = Model(width=16, depth=2, dropout=0.2)


class StopError(Exception):
    """Thrown by the tests at the end of an epoch."""


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))


def training(**more: object) -> Training:
    return Training.model_validate(
        {"batch_size": 64, "max_epochs": 10, "patience": 2, "lr": 0.02, "device": "cpu", "relatedness": None, **more}
    )


def refitted(
    of: Encodings, rows: RowsOf, sharing: str = "shared_bottom", progress: Callable[[Epoch], None] | None = None, **more: object
) -> Fitted:
    train, valid = rows(of, 300, 0), rows(of, 120, 1)
    folder = more.pop("checkpoints", None)
    assert folder is None or isinstance(folder, Path)
    return fit(
        of, train, valid, MODEL, training(**more), sharing=sharing, again=train.beside(valid), checkpoints=folder, progress=progress
    )  # fmt: skip


def weights(network: Network) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in network.named_parameters()}


def same(found: Fitted, other: Fitted) -> bool:
    mine, theirs = weights(found.network), weights(other.network)
    return all(torch.equal(mine[name], theirs[name]) for name in mine) and found.history.equals(other.history)


@pytest.mark.parametrize("sharing", ["shared_bottom", "hybrid", "mmoe"])
def test_it_has_the_weights_of_a_training_on_both_at_the_best_epoch(
    sharing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path
) -> None:
    """As the checkpoint has them of a plain training on both that is stopped there."""
    found = refitted(mixed, rows, sharing)
    (best,) = set(found.best_epoch.values())
    plain = fit(mixed, rows(mixed, 300, 0), rows(mixed, 120, 1), MODEL, training(), sharing=sharing)
    assert found.best_epoch == plain.best_epoch
    assert found.history.equals(plain.history), "what valid judged is what is told"

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == best:
            raise StopError

    both = rows(mixed, 300, 0).beside(rows(mixed, 120, 1))
    with pytest.raises(StopError):
        fit(mixed, both, rows(mixed, 120, 1), MODEL, training(patience=10), sharing=sharing, checkpoints=tmp_path, progress=stop)
    (file,) = tmp_path.glob(f"*/{FILE}")
    kept = load_file(file)
    assert all(torch.equal(value, kept[f"weights/network.{name}"]) for name, value in weights(found.network).items())


def test_each_task_that_stands_alone_trains_for_its_own_epochs(mixed: Encodings, rows: RowsOf) -> None:
    heard: list[tuple[int, int]] = []
    found = refitted(mixed, rows, "separate", lambda e: heard.append((e.epoch, len(e.train_loss))) if e.again else None)
    epochs = sorted(found.best_epoch.values())
    assert epochs[0] < epochs[-1]
    assert heard == [(e, sum(best >= e for best in epochs)) for e in range(1, epochs[-1] + 1)]


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate", "mmoe"])
def test_killed_before_or_in_it_a_run_goes_on_to_the_same_bytes(
    sharing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path
) -> None:
    undisturbed = refitted(mixed, rows, sharing, max_epochs=5)
    last = max(undisturbed.best_epoch.values())
    for again, epoch in ((False, 2), (True, 1), (True, last)):

        def stop(now: Epoch, again: bool = again, epoch: int = epoch) -> None:
            if (now.again, now.epoch) == (again, epoch):
                raise StopError

        with pytest.raises(StopError):
            refitted(mixed, rows, sharing, stop, max_epochs=5, checkpoints=tmp_path)
    heard: list[Epoch] = []
    assert same(refitted(mixed, rows, sharing, heard.append, max_epochs=5, checkpoints=tmp_path), undisturbed)
    assert not heard, "all its epochs were over"
    assert not any(tmp_path.iterdir())


def test_teachers_speak_of_both(mixed: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    """Stopped in the refit, it does not ask its teachers again."""
    asked = {"max_epochs": 3, "distillation": {}}
    undisturbed = refitted(mixed, rows, **asked)

    def stop(now: Epoch) -> None:
        if now.again:
            raise StopError

    with pytest.raises(StopError):
        refitted(mixed, rows, progress=stop, checkpoints=tmp_path, **asked)
    (lesson,) = tmp_path.glob("*/teachers.safetensors")
    assert load_file(lesson)["soft"].shape[1] == 420
    assert same(refitted(mixed, rows, checkpoints=tmp_path, **asked), undisturbed)
    assert not same(refitted(mixed, rows, max_epochs=3), undisturbed)


def test_with_few_rows_it_predicts_better(make: Make, rows: RowsOf) -> None:
    """Half of the labels are valid's: mean squared error on fresh rows, over ten draws."""
    of = make([("a", "regression")])
    test = rows(of, 500, 99, labelled=1.0)
    errors = []
    for seed in range(10):
        train, valid = rows(of, 60, 2 * seed), rows(of, 60, 2 * seed + 1)
        each = [fit(of, train, valid, MODEL, training(max_epochs=30), again=again) for again in (None, train.beside(valid))]
        errors.append([np.mean((predict(one.network, of, test.inputs)["a"] - test.targets[:, 0]) ** 2) for one in each])
    plain, refit = np.mean(errors, axis=0)
    assert refit < 0.95 * plain


def test_a_catalogue_has_the_identities_of_both(make: Make, rows: RowsOf) -> None:
    of = make([("a", "retrieval"), ("b", "regression")])
    train, valid = rows(of, 200, 0, labelled=1.0), rows(of, 80, 1, labelled=1.0)
    less = train.at(np.flatnonzero(train.targets[:, 0] != valid.targets[0, 0]))  # none of the first identity of valid
    for again, known in ((None, False), (less.beside(valid), True)):
        found = fit(of, less, valid, MODEL, training(max_epochs=2), again=again)
        catalogue = found.network.heads["retrieval"].catalogue
        assert isinstance(catalogue, torch.Tensor)
        assert bool(catalogue[0, 0, int(valid.targets[0, 0])].any()) is known


def test_what_is_planned_stops_then_whatever_its_score() -> None:
    stopping = Planned(3, [np.inf, np.inf], [2, 0])
    assert [stopping.goes_on(epoch, 0) for epoch in (0, 1, 2, 3)] == [True, True, False, False]
    assert not stopping.goes_on(0, 1)
    assert [stopping.improved(epoch, [0, 1], [-1.0, -1.0]) for epoch in (1, 2, 3)] == [[], [0], []]
    assert stopping.epoch == [2, 0]
