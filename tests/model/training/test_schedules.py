"""Learning rates over the epochs: each group's own falls alike, and a run that was cut short goes on with the right one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.spec import Model, Training
from mtl.training import Epoch, fit
from mtl.training.optimizers import make_optimizer
from mtl.training.schedules import SCHEDULES, set_rates, share_of_rate

MODEL = Model(width=8, depth=1, dropout=0.1)


def spec(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 6, "patience": 6, "lr": 0.02, "device": "cpu", "relatedness": None, **more}
    return Training.model_validate(asked)


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 300))
def test_a_run_begins_at_the_full_rate_never_rises_and_never_stands_still(schedule: str, epochs: int) -> None:
    shares = [share_of_rate(spec(schedule=schedule, max_epochs=epochs), epoch) for epoch in range(1, epochs + 1)]
    assert shares[0] == 1
    assert all(before >= after > 0 for before, after in pairwise(shares))


def test_the_middle_of_a_cosine_is_half() -> None:
    assert share_of_rate(spec(schedule="cosine", max_epochs=10), 6) == pytest.approx(0.5)
    assert share_of_rate(spec(schedule="constant", max_epochs=10), 6) == 1


def test_every_group_falls_from_its_own_rate() -> None:
    named = dict(nn.Linear(2, 2).named_parameters())
    training = spec(schedule="cosine", lr=0.1, max_epochs=4)
    optimizer = make_optimizer(named, training, {"bias": 0.004})
    for epoch in (1, 2, 4, 3):  # whatever came before
        set_rates(optimizer, training, epoch)
        found = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        share = share_of_rate(training, epoch)
        assert found[id(named["weight"])] == pytest.approx(0.1 * share)
        assert found[id(named["bias"])] == pytest.approx(0.004 * share)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_a_run_cut_short_ends_with_the_same_bytes(
    sharing: str, mixed: Encodings, rows: Callable[..., AlignedSet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))
    train, valid = rows(mixed, 200, 0), rows(mixed, 80, 1)

    def trained(folder: Path | None, stop_after: int | None = None, **more: object) -> list[torch.Tensor]:
        def progress(epoch: Epoch) -> None:
            if epoch.epoch == stop_after:
                raise KeyboardInterrupt

        asked = spec(**{"schedule": "cosine", **more})
        network = fit(mixed, train, valid, MODEL, asked, sharing=sharing, checkpoints=folder, progress=progress).network
        return [p.detach() for p in network.parameters()]

    whole = trained(None)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, stop_after=3)
    assert all(map(torch.equal, whole, trained(tmp_path)))
    assert not all(map(torch.equal, whole, trained(None, schedule="constant")))
