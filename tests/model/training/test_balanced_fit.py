"""fit with every balancing: it learns, whatever the sharing, the precision, clipping and missing labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import torch

from mtl.balancing import BALANCINGS, Aggregation
from mtl.balancing.famo import FAMO, LEAST
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import TrainingError
from mtl.network import plan_of
from mtl.network.sharing import SHARINGS
from mtl.spec import Model, Training
from mtl.spec.options import ON_GRADIENTS
from mtl.training import Fitted, fit
from mtl.training.run import Run

RowsOf = Callable[..., AlignedSet]
CPU = torch.device("cpu")


def training(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 8, "patience": 8, "lr": 5e-3, "device": "cpu", "relatedness": None, **more}
    return Training.model_validate(asked)


def fitted(mixed: Encodings, rows: RowsOf, sharing: str = "shared_bottom", members: int = 1, **more: object) -> Fitted:
    model = Model(width=16, depth=2, dropout=0.1, members=members)
    return fit(mixed, rows(mixed, 400, 0), rows(mixed, 150, 1), model, training(**more), sharing=sharing)


def improved(found: Fitted) -> float:
    """Of the tasks' best valid losses over their first: the mean."""
    best = found.history.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first())
    return float(np.mean(best["valid_loss"].to_list()))


@pytest.mark.parametrize("balancing", BALANCINGS)
def test_every_balancing_learns(balancing: str, mixed: Encodings, rows: RowsOf) -> None:
    options = {"warmup": 2} if balancing == "stch" else {}
    found = fitted(mixed, rows, balancing=balancing, at="representation", clip=5.0, options=options)
    assert improved(found) < 0.9
    assert all(np.isfinite(weight) for weight in found.weights.values())


@pytest.mark.parametrize("sharing", [name for name in SHARINGS if name != "separate"])
def test_gradients_are_balanced_in_every_sharing(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    found = fitted(mixed, rows, sharing, balancing="cagrad", every=2, max_epochs=6, members=2)
    assert improved(found) < 0.95
    assert len(found.weights) == len(mixed.tasks)


@pytest.mark.parametrize("at", ["representation", "parameters"])
@pytest.mark.parametrize("balancing", ["imtl_g", "gradnorm", "famo", "stch"])
def test_bf16_and_clipping(balancing: str, at: str, mixed: Encodings, rows: RowsOf) -> None:
    options = {"warmup": 1} if balancing == "stch" else {}
    found = fitted(mixed, rows, balancing=balancing, at=at, precision="bf16", clip=1.0, options=options)
    assert improved(found) < 0.97


def test_single_task_networks_are_not_balanced(mixed: Encodings, rows: RowsOf) -> None:
    """The same spec's baseline: sharing overridden, every task its own gradient."""
    plain = fitted(mixed, rows, "separate", max_epochs=2)
    balanced = fitted(mixed, rows, "separate", max_epochs=2, balancing="mgda", at="representation")
    assert all(torch.equal(a, b) for a, b in zip(plain.network.parameters(), balanced.network.parameters(), strict=True))


def at_of(encodings: Encodings, mask: torch.Tensor, sharing: str, at: str = "auto") -> str:
    model = Model(width=8, depth=2)
    run = Run.start(plan_of(encodings), model, training(balancing="mgda", at=at), sharing, CPU)
    run.meet(mask)
    assert isinstance(run.balancing, Aggregation)
    assert run.balancing.at == run.at
    return run.at


def test_auto_chooses_by_labels_sight_and_sharing(mixed: Encodings, two_inputs: Encodings) -> None:
    everywhere, apart = torch.ones(10, 70), torch.eye(10).repeat_interleave(7, 1)
    assert at_of(mixed, everywhere, "shared_bottom") == "representation"
    assert at_of(mixed, everywhere, "mmoe") == "representation"
    assert at_of(mixed, everywhere, "ple") == "parameters"  # tasks also meet below what each was told for itself
    assert at_of(mixed, apart, "shared_bottom") == "parameters"
    assert at_of(mixed, everywhere, "hybrid") == "parameters"
    assert at_of(two_inputs, torch.ones(4, 70), "shared_bottom") == "parameters"
    assert at_of(mixed, apart, "shared_bottom", "representation") == "representation"


@pytest.mark.parametrize("balancing", ["mgda", "gradnorm"])
def test_the_representation_of_a_sharing_that_has_none_is_an_error(balancing: str, mixed: Encodings, rows: RowsOf) -> None:
    assert balancing in ON_GRADIENTS
    with pytest.raises(TrainingError, match="shared activations"):
        fitted(mixed, rows, "hybrid", balancing=balancing, at="representation")


def test_groups_that_share_nothing_are_weighed_apart(mixed: Encodings) -> None:
    """Long gradients of one group take no weight from another: each is weighed as if it were alone."""
    model = Model(width=8, depth=2, groups=(("a", "b", "c"), ("d", "e", "f", "g", "h", "i", "j")))
    run = Run.start(plan_of(mixed), model, training(balancing="mgda"), None, CPU)
    run.meet(torch.ones(10, 20))
    assert isinstance(run.balancing, Aggregation)
    gramian = torch.block_diag(torch.eye(3), 1e6 * torch.eye(7))
    run.balancing._weigh(gramian, torch.ones(10, dtype=torch.bool))
    torch.testing.assert_close(run.balancing.weights(), torch.tensor([1 / 3] * 3 + [1 / 7] * 7))
    run.balancing._weigh(gramian, torch.tensor([True, True, *[False] * 7, True]))
    torch.testing.assert_close(run.balancing.weights(), torch.tensor([1 / 2] * 3 + [1.0] * 7))
    run.balancing._weigh(gramian, torch.tensor([True, *[False] * 9]))
    torch.testing.assert_close(run.balancing.weights(), torch.ones(10))


@pytest.mark.parametrize("members", [1, 3])
def test_looking_back_sees_the_same_dropout(members: int, mixed: Encodings, rows: RowsOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step of next to nothing no loss has moved: what FAMO learns from is the step, not the luck of other masks."""
    fell: list[torch.Tensor] = []

    def note(self: FAMO, losses: torch.Tensor, present: torch.Tensor) -> None:
        fell.append((self._before - (losses + LEAST).log())[present])

    monkeypatch.setattr(FAMO, "after_step", note)
    found = fitted(mixed, rows, members=members, balancing="famo", lr=1e-30, max_epochs=2)
    assert fell
    assert not torch.cat(fell).any()
    assert found.history["train_loss"].n_unique() > 7, "each step has masks of its own, each epoch another loss"
