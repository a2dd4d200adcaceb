"""Mixtures of experts in the loop: the same bytes again, gates for the report, and gradients where the engine takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mtl.balancing import gramian
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network
from mtl.spec import Model, Training
from mtl.training import Fitted, fit
from mtl.training.meeting import Meetings
from tests.model.network.conftest import batch_of, labels_of

RowsOf = Callable[..., AlignedSet]
CASES: dict[str, dict[str, Any]] = {
    "mmoe": {"experts": 3},
    "cgc": {"experts": 1, "own_experts": 1},
    "ple": {"experts": 1, "own_experts": 1, "levels": 2},
    "dselect_k": {"experts": 3, "k": 2, "entropy": 0.01, "per_example": 1},
}


def model_of(sharing: str) -> Model:
    return Model.model_validate({"sharing": sharing, "options": CASES[sharing], "width": 8, "depth": 2, "dropout": 0.1})


def fitted(encodings: Encodings, rows: RowsOf, sharing: str, **said: Any) -> Fitted:
    training = Training.model_validate({"max_epochs": 3, "batch_size": 64, "lr": 1e-2, **said})
    return fit(encodings, rows(encodings, 200, 0), rows(encodings, 60, 1), model_of(sharing), training)


@pytest.mark.parametrize("sharing", list(CASES))
def test_the_same_bytes_again_and_gates_for_the_report(sharing: str, two_inputs: Encodings, rows: RowsOf) -> None:
    first, second = (fitted(two_inputs, rows, sharing) for _ in range(2))
    states = [one.network.state_dict() for one in (first, second)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    names = first.network.body.gate_names()
    assert list(first.gates) == [task.name for task in two_inputs.tasks]
    assert all(len(shares) == len(names) for shares in first.gates.values())
    assert first.gates == second.gates
    if sharing != "dselect_k":
        assert all(sum(shares) == pytest.approx(1, abs=1e-5) for shares in first.gates.values())


@pytest.mark.parametrize("sharing", list(CASES))
@pytest.mark.parametrize("at", ["representation", "parameters"])
def test_balancing_on_gradients_goes_with_experts(sharing: str, at: str, two_inputs: Encodings, rows: RowsOf) -> None:
    done = fitted(two_inputs, rows, sharing, balancing="pcgrad", at=at)
    assert all(p.isfinite().all() for p in done.network.parameters())


def by_autograd(network: Network, losses: torch.Tensor) -> torch.Tensor:
    shared = network.shared_parameters()
    rows = [torch.autograd.grad(loss, shared, retain_graph=True, materialize_grads=True) for loss in losses]
    matrix = torch.stack([torch.cat([g.flatten() for g in row]) for row in rows]).double()
    return matrix @ matrix.T


@pytest.mark.parametrize("sharing", list(CASES))
def test_the_engine_s_gramian_is_that_of_the_shared_parameters(sharing: str, two_inputs: Encodings, rows: RowsOf) -> None:
    network = build_network(two_inputs, model_of(sharing)).eval()
    some = rows(two_inputs, 32, 7)
    targets, mask = labels_of(some)
    for traced in (False, True):
        meetings = Meetings(network)
        with meetings.traced(traced):
            outputs = network(batch_of(network, some))
            losses = network.losses(outputs, targets, mask)
            found = gramian(losses, torch.ones(len(losses), dtype=torch.bool), meetings(outputs), "parameters")
        torch.testing.assert_close(found.double(), by_autograd(network, losses), rtol=1e-4, atol=1e-8)
