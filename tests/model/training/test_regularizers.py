"""Regularizers: values and gradients by hand, what they do to tasks in the limit, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network, input_tensors
from mtl.spec import Model, Training
from mtl.training import fit
from mtl.training.regularizers import REGULARIZERS, add_penalty, penalty_of, stacks
from mtl.training.regularizers.low_rank import SMOOTH, LowRank
from mtl.training.regularizers.mean import Mean

RowsOf = Callable[..., AlignedSet]


def training(**more: object) -> Training:
    return Training.model_validate({"max_epochs": 6, "device": "cpu", "relatedness": None, **more})


def model(sharing: str = "shared_bottom", **more: object) -> Model:
    return Model.model_validate({"sharing": sharing, "width": 8, "depth": 2, "dropout": 0.0, **more})


def test_mean_by_hand() -> None:
    """Rows (0, 0) and (2, 4): each √5 from (1, 2)."""
    stack = torch.tensor([[0.0, 0.0], [2.0, 4.0]])
    assert Mean.value(stack) == 10
    assert Mean.gradient(stack).tolist() == [[-2, -4], [2, 4]]
    assert Mean.value(torch.ones(3, 5)) == 0


def test_low_rank_by_hand() -> None:
    """diag(3, 4) has a trace norm of 7, two equal rows (3, 4) one of 5·√2."""
    assert LowRank.value(torch.diag(torch.tensor([3.0, 4.0]))).item() == pytest.approx(7, abs=1e-4)
    assert LowRank.value(torch.tensor([[3.0, 4.0], [3.0, 4.0]])).item() == pytest.approx(5 * 2**0.5 + SMOOTH, abs=1e-4)
    torch.testing.assert_close(LowRank.gradient(torch.diag(torch.tensor([3.0, 4.0]))), torch.eye(2), rtol=0, atol=1e-4)


def smoothed(stack: Tensor) -> Tensor:
    return (torch.linalg.svdvals(stack).square() + SMOOTH**2).sqrt().sum()


@pytest.mark.parametrize("name", REGULARIZERS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("shape", [(2, 7), (5, 3), (6, 40)])
def test_gradients_are_those_of_the_values(name: str, scale: float, shape: tuple[int, int]) -> None:
    """Against autograd through the definition, in float64."""
    torch.manual_seed(shape[0])
    stack = (scale * torch.randn(shape, dtype=torch.float64)).requires_grad_()
    defined = smoothed(stack) if name == "low_rank" else (stack - stack.mean(0)).square().sum()
    value = REGULARIZERS[name].value(stack.detach())
    few = max(shape[0] - shape[1], 0) * SMOOTH if name == "low_rank" else 0  # rows beyond the columns add σ = 0
    torch.testing.assert_close(value, defined.detach() + few, rtol=1e-9, atol=1e-7)
    torch.testing.assert_close(REGULARIZERS[name].gradient(stack.detach()), torch.autograd.grad(defined, stack)[0])


@pytest.mark.parametrize("name", REGULARIZERS)
def test_it_is_the_same_for_tasks_in_any_order_and_any_rotation(name: str) -> None:
    torch.manual_seed(0)
    stack, order = torch.randn(5, 9, dtype=torch.float64), torch.tensor([3, 0, 4, 1, 2])
    turn = torch.linalg.qr(torch.randn(9, 9, dtype=torch.float64))[0]
    of = REGULARIZERS[name]
    torch.testing.assert_close(of.value(stack[order]), of.value(stack))
    torch.testing.assert_close(of.gradient(stack[order]), of.gradient(stack)[order])
    torch.testing.assert_close(of.value(stack @ turn), of.value(stack))
    torch.testing.assert_close(of.gradient(stack @ turn), of.gradient(stack) @ turn)


def test_low_rank_holds_where_singular_values_are_zero_or_equal() -> None:
    """The trace norm itself has no derivative there."""
    for stack in (torch.zeros(4, 6), torch.ones(4, 6), torch.eye(4, 6), 1e-20 * torch.eye(4, 6), 1e10 * torch.eye(4, 6)):
        gradient = LowRank.gradient(stack)
        assert gradient.isfinite().all()
        assert torch.linalg.matrix_norm(gradient, 2) <= 1 + 1e-5
    assert not LowRank.gradient(torch.zeros(4, 6)).any()


def test_what_is_regularized(mixed: Encodings, rows: RowsOf) -> None:
    """Heads of one kind and size together, own networks layer by layer; biases, thresholds and gates of one number not at all."""
    found = {stack.name: (stack.rows, stack.columns) for stack in stacks(build_network(mixed, model()))}
    assert found == {"heads.regression.weight": ((0, 1), 1), "heads.ordinal.weight": ((0, 1), 1)}  # 3 classes, 4 classes: apart
    hybrid = {stack.name for stack in stacks(build_network(mixed, model("hybrid")))}
    assert hybrid == set(found) | {
        "body.own.0.encoders.x.table", "body.own.0.encoders.x.layer.linear.weight", "body.own.1.linear.weight"
    }  # fmt: skip
    conditioned = {stack.name for stack in stacks(build_network(mixed, model("task_conditioned")))}
    assert conditioned == set(found) | {"body.embedding"}
    assert "body.own.1.linear.weight" in {stack.name for stack in stacks(build_network(mixed, model("cross_stitch")))}


@pytest.mark.parametrize(("sharing", "own"), [("mmoe", 0), ("cgc", 1), ("ple", 1), ("dselect_k", 0), ("message_passing", 0)])
def test_what_tasks_mix_by_is_left_alone(sharing: str, own: int, mixed: Encodings) -> None:
    """Gates, and what tasks tell each other, predict nothing: tasks may be alike and yet read different experts."""
    options = {"per_example": 1} if sharing == "dselect_k" else {}
    network = build_network(mixed, model(sharing, options=options))
    found = {stack.name for stack in stacks(network) if stack.name.startswith("body.")}
    assert all(name.startswith(("body.own.", "body.own_before.")) for name in found)
    assert bool(found) == bool(own)


def test_heads_that_read_different_trunks_do_not_pull_each_other(mixed: Encodings) -> None:
    """Groups share nothing: the same numbers on another trunk mean another thing. Networks of their own are pulled whole."""
    grouped = build_network(mixed, model(groups=[["a", "b"], ["e"], ["c", "d"], ["f", "g"]]))
    assert stacks(grouped) == []
    together = build_network(mixed, model(groups=[["a", "e"], ["b", "c", "d"]]))
    assert [(stack.name, stack.rows) for stack in stacks(together)] == [("heads.regression.weight", (0, 1))]
    separate = {stack.name for stack in stacks(build_network(mixed, model("separate")))}
    assert {"heads.regression.weight", "body.own.1.linear.weight"} <= separate


def test_classes_that_a_task_does_not_have_are_left_alone(make: Callable[..., Encodings]) -> None:
    from tests.model.conftest import task

    plain = make([("a", "multiclass")])
    tasks = tuple(task(name, "multiclass", classes=n) for name, n in (("a", 3), ("b", 5), ("c", 3)))
    network = build_network(Encodings(plain.inputs, tasks), model())
    add_penalty(network, training(regularizers={"mean": 1.0, "low_rank": 1.0}))
    grad = network.head("multiclass").weight.grad
    assert grad is not None
    assert grad[[0, 2], :, :3].all()
    assert not grad[1].any()
    assert not grad[:, :, 3:].any()


@pytest.mark.parametrize("sharing", ["shared_bottom", "hybrid", "cross_stitch", "task_conditioned"])
@pytest.mark.parametrize("members", [1, 3])
def test_the_penalty_is_lambda_times_the_sum_over_pieces(sharing: str, members: int, mixed: Encodings) -> None:
    """Its gradient against a difference of its value; and it is added to what is there."""
    network = build_network(mixed, model(sharing, members=members)).double()
    asked = training(regularizers={"mean": 0.3, "low_rank": 0.7})
    penalty = penalty_of(network, asked)
    by_hand = sum(0.3 * Mean.value(s.read()) + 0.7 * LowRank.value(s.read()) for s in stacks(network))
    torch.testing.assert_close(penalty.value(), by_hand)
    torch.manual_seed(0)
    step = {name: torch.randn_like(p) for name, p in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    add_penalty(network, asked)
    expected = sum(((p.grad - 1) * step[name]).sum() for name, p in network.named_parameters() if p.grad is not None)
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.add_(step[name], alpha=(1 if sign > 0 else -2) * 1e-6)
        values.append(penalty.value())
    torch.testing.assert_close((values[0] - values[1]) / 2e-6, expected, rtol=1e-5, atol=1e-6)


def test_nothing_asked_is_nothing_added(mixed: Encodings) -> None:
    network = build_network(mixed, model())
    add_penalty(network, training())
    assert all(parameter.grad is None for parameter in network.parameters())


def heads_after(encodings: Encodings, some: AlignedSet, steps: int, **regularizers: float) -> Tensor:
    """Weights [task, width] of the heads after plain descent on all rows: no early stopping between λ and its effect."""
    torch.manual_seed(0)
    network, asked = build_network(encodings, model()), training(regularizers=regularizers)
    tensors = input_tensors(network.plan, some.inputs)
    inputs = {name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()}
    targets, mask = torch.from_numpy(some.targets.T.copy()), torch.from_numpy(some.labelled.T.copy()).float()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        (network.losses(network(inputs), targets, mask) / mask.sum(1)).sum().backward()
        add_penalty(network, asked)
        optimizer.step()
    return network.head("regression").weight.detach().flatten(1)


def test_a_large_lambda_makes_heads_equal(make: Callable[..., Encodings], rows: RowsOf) -> None:
    encodings = make([(f"t{i}", "regression") for i in range(4)])

    def apart(**regularizers: float) -> float:
        weights = heads_after(encodings, rows(encodings, 200, 0), 150, **regularizers)
        return float((weights - weights.mean(0)).norm() / weights.norm())

    found = [apart(mean=strength) for strength in (0.0, 0.03, 0.3, 3.0, 9.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.01 < 0.3 < found[0]


def test_own_networks_become_one_too(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Evgeniou & Pontil's own model: separate networks, pulled to their mean."""
    encodings = make([(f"t{i}", "regression") for i in range(3)])
    asked = training(optimizer="full_batch", lr=0.05, max_epochs=60, patience=60, regularizers={"mean": 5.0})
    found = fit(encodings, rows(encodings, 200, 0), rows(encodings, 100, 1), model("separate"), asked)
    own = dict(found.network.named_parameters())["body.own.1.linear.weight"]
    assert (own - own.mean(0)).abs().max() < 0.01 * own.abs().max()


def test_the_rank_falls(make: Callable[..., Encodings], rows: RowsOf) -> None:
    encodings = make([(f"t{i}", "regression") for i in range(6)])

    def rank(strength: float) -> int:
        values = torch.linalg.svdvals(heads_after(encodings, rows(encodings, 200, 0), 200, low_rank=strength))
        return int((values > 0.03 * values[0]).sum())

    found = [rank(strength) for strength in (0.0, 0.05, 0.2)]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (6, 1)


@pytest.mark.parametrize("sharing", ["shared_bottom", "hybrid"])
def test_regularized_training_is_the_same_every_time(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    asked = training(regularizers={"mean": 0.1, "low_rank": 0.1}, clip=1.0, balancing="uncertainty")
    runs = [fit(mixed, rows(mixed, 200, 0), rows(mixed, 100, 1), model(sharing), asked) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(runs[0].network.parameters(), runs[1].network.parameters(), strict=True))
    plain = fit(mixed, rows(mixed, 200, 0), rows(mixed, 100, 1), model(sharing), asked.alone())
    assert not np.array_equal(plain.history["train_loss"], runs[0].history["train_loss"])
