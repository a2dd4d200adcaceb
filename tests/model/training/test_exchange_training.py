"""cross_stitch, task_conditioned and message_passing in the loop: they learn, the same every time, also after a kill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit

MINE = ["cross_stitch", "task_conditioned", "message_passing"]
RowsOf = Callable[..., AlignedSet]
MODEL = Model(width=16, depth=2, dropout=0.1)


class StopError(Exception):
    """Thrown by the tests at the end of an epoch."""


def training(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 6, "patience": 3, "lr": 5e-3, "device": "cpu", "relatedness": None, **more}
    return Training.model_validate(asked)


def weights(fitted: Fitted) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in fitted.network.parameters()) + str(fitted.history.rows()).encode()


@pytest.mark.parametrize("sharing", MINE)
def test_it_learns_every_kind_of_task(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    found = fit(mixed, rows(mixed, 400, 0), rows(mixed, 150, 1), MODEL, training(max_epochs=12), sharing=sharing)
    best = found.history.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first())
    assert best["valid_loss"].max() < 0.95
    plain = fit(mixed, rows(mixed, 400, 0), rows(mixed, 150, 1), MODEL, training(max_epochs=12))
    assert found.history["valid_loss"].min() < 1.2 * plain.history["valid_loss"].min()


@pytest.mark.parametrize("sharing", MINE)
def test_stopped_in_bf16_it_ends_with_the_same_bytes(
    sharing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float32 `test_checkpoints.py` shows it of every sharing."""
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))
    train, valid, asked = rows(mixed, 200, 0), rows(mixed, 80, 1), training(precision="bf16", balancing="uncertainty")
    undisturbed = fit(mixed, train, valid, MODEL, asked, sharing=sharing)

    def run(stop_after: int | None) -> Fitted:
        def progress(epoch: Epoch) -> None:
            if epoch.epoch == stop_after:
                raise StopError

        return fit(mixed, train, valid, MODEL, asked, sharing=sharing, checkpoints=tmp_path, progress=progress)

    for stop_after in (1, 3):
        with pytest.raises(StopError):
            run(stop_after)
    assert weights(run(None)) == weights(undisturbed)
    assert undisturbed.history["valid_loss"].is_finite().all()


@pytest.mark.parametrize("sharing", MINE)
def test_members_and_clipping_go_with_it(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    model = MODEL.model_copy(update={"members": 3})
    found = fit(mixed, rows(mixed, 200, 0), rows(mixed, 80, 1), model, training(max_epochs=2, clip=1.0), sharing=sharing)
    assert found.history["valid_loss"].is_finite().all()
