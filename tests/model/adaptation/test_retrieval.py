"""A task of retrieval added to a champion learns as one that is trained with it does: in pairs, stopped by what it predicts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.adaptation import learn as module
from mtl.adaptation.addition import Means
from mtl.adaptation.learn import learn
from mtl.adaptation.rows import TaskRows
from mtl.data.encodings import Encodings
from mtl.spec import Training
from tests.model.adaptation.test_addition import champion_of, rows_of
from tests.model.conftest import task as task_of

MANY = task_of("new", "retrieval", classes=150)


def noted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple[Any, ...]]:
    """The arguments and the result of each call of this function from now on."""
    whole, found = getattr(module, name), list[tuple[Any, ...]]()

    def watched(*given: Any) -> Any:
        found.append((*given, whole(*given)))
        return found[-1][-1]

    monkeypatch.setattr(module, name, watched)
    return found


def one_of_each(rows: TaskRows) -> TaskRows:
    return rows.at(np.unique(rows.targets[:, 0], return_index=True)[1])


def test_its_rows_come_in_pairs(mixed: Encodings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 150 identities with four rows each by chance one in three finds its like in a batch of 64."""
    train, valid, steps = rows_of(mixed, MANY, 600, 1), rows_of(mixed, MANY, 50, 2), noted(monkeypatch, "_loss")
    learn(champion_of(mixed, "shared_bottom"), MANY, train, valid, Training(max_epochs=2, batch_size=64))
    parts: list[Tensor] = [part for _, _, part, *_ in steps]
    assert sorted(torch.cat(parts).tolist()) == sorted([*range(600)] * 2)
    identity = torch.from_numpy(train.targets[:, 0])
    alike = torch.cat([((identity[part][:, None] == identity[part]).sum(1) > 1).float() for part in parts])
    assert alike.mean() > 0.85


@pytest.mark.parametrize("means", ["head", "low_rank"])
@pytest.mark.parametrize("members", [1, 3])
def test_valid_rows_without_their_like_still_say_when_to_stop(
    means: Means, members: int, mixed: Encodings, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, losses = task_of("new", "retrieval"), noted(monkeypatch, "_valid_loss")
    train, valid = rows_of(mixed, task, 300, 1), one_of_each(rows_of(mixed, task, 100, 2))
    asked = Training(max_epochs=8, patience=8, lr=5e-3, batch_size=64)
    found = learn(champion_of(mixed, "shared_bottom", members), task, train, valid, asked, means=means, rank=2)
    assert len({loss for *_, loss in losses}) == 8
    assert found.best_epoch > 1


def test_rows_that_find_nobody_have_no_say_in_the_mean(mixed: Encodings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of identities 0 and 5 there are several."""
    task, means = task_of("new", "retrieval"), noted(monkeypatch, "_mean")
    rows = rows_of(mixed, task, 12, 1)
    rows = replace(rows, targets=np.array([0, 1, 2, 0, 3, 4, 5, 5, 5, 5, 5, 5], np.float32)[:, None])
    learn(champion_of(mixed, "shared_bottom"), task, rows, rows, Training(max_epochs=1, optimizer="full_batch"))
    _, each, side, part, mean = means[0]
    labels = side.labels(part)
    assert mean.item() == pytest.approx(each[(labels == 0) | (labels == 5)].mean().item(), rel=1e-5)
