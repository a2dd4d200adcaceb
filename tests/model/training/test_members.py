"""Training with members and bins: the same bytes again, also after a stop, for every way that tasks can share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit

RowsOf = Callable[..., AlignedSet]


class StopError(Exception):
    """Thrown by the test at the end of an epoch."""


def binned(encodings: Encodings) -> Encodings:
    inputs = {
        name: replace(one, numeric=tuple(replace(c, bins=(-2.0, -1.0, 0.0, 0.5, 1.0, 2.0)) for c in one.numeric))
        for name, one in encodings.inputs.items()
    }
    return replace(encodings, inputs=inputs)


def run(
    of: Encodings, rows: RowsOf, sharing: str, folder: Path | None, stop_after: int = 0, members: int = 3, epochs: int = 4
) -> Fitted:
    def progress(epoch: Epoch) -> None:
        if epoch.epoch == stop_after:
            raise StopError

    model = Model.model_validate({"sharing": sharing, "width": 12, "members": members, "bin_width": 4, "dropout": 0.2})
    training = Training(batch_size=64, max_epochs=epochs, lr=0.01, device="cpu")
    return fit(of, rows(of, 200, 0), rows(of, 80, 1), model, training, checkpoints=folder, progress=progress)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate", "hybrid", "ple"])
def test_stopped_it_goes_on_to_the_same_bytes(
    sharing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))
    of = binned(mixed)
    undisturbed = run(of, rows, sharing, None)
    with pytest.raises(StopError):
        run(of, rows, sharing, tmp_path, stop_after=2)
    found = run(of, rows, sharing, tmp_path)
    assert found.history.equals(undisturbed.history)
    for mine, theirs in zip(found.network.parameters(), undisturbed.network.parameters(), strict=True):
        assert mine.equal(theirs)


def test_an_ensemble_learns_with_bins_and_without(rows: RowsOf, make: Callable[..., Encodings]) -> None:
    """A number of variance 1.09, of which .09 is noise."""
    plain = make([("a", "regression"), ("b", "binary")])
    for of in (plain, binned(plain)):
        history = run(of, rows, "shared_bottom", None, members=4, epochs=25).history
        assert min(history.filter(task="a")["valid_loss"]) < 0.4
