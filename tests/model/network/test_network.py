"""Shapes, tasks and labels: what a network of many tasks promises, however they share and whatever its weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, plan_of, predict
from mtl.network.sharing.hybrid import Hybrid
from tests.model.network.conftest import batch_of, copy_in_order, labels_of, model_of, stirred

RowsOf = Callable[..., AlignedSet]
ONE_VIEW = ("shared_bottom", "message_passing")
"""Where all heads read the same."""
AT_REST = (".step", ".absent")
"""Parameters that labels alone need not move: thresholds of classes that a task does not have, vectors of absent inputs."""


@pytest.mark.parametrize("members", [1, 4])
def test_shapes_of_representation_and_logits(way: str, members: int, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, model_of(way, members=members)).eval()
    outputs = network(batch_of(network, rows(mixed, 11, 0)))
    views = 1 if way in ONE_VIEW else len(mixed.tasks)
    assert outputs.shared.seen.shape == (views, 11, members, 16)
    assert {kind: tuple(x.shape) for kind, x in outputs.logits.items()} == {
        "regression": (2, 11, members, 1), "binary": (1, 11, members, 1),
        "multiclass": (2, 11, members, 4), "ordinal": (2, 11, members, 4),
        "count": (2, 11, members, 2), "quantile": (1, 11, members, 3),
    }  # fmt: skip


def test_predictions_are_what_the_contract_says(way: str, mixed: Encodings, rows: RowsOf) -> None:
    found = predict(build_network(mixed, model_of(way)), mixed, rows(mixed, 50, 1).inputs, batch_size=16)
    assert list(found) == [t.name for t in mixed.tasks]
    for task in mixed.tasks:
        values = found[task.name]
        assert values.dtype == np.float64
        assert values.shape == ((50, len(task.parts)) if task.parts else (50,))
        if task.kind == "count":
            assert (values > 0).all()
        if task.kind == "quantile":
            assert (np.diff(values) > 0).all()
        if task.kind in ("multiclass", "ordinal"):
            assert (values >= 0).all()
            np.testing.assert_allclose(values.sum(1), 1, atol=1e-12)
        if task.kind == "binary":
            assert ((values > 0) & (values < 1)).all()


def test_regression_comes_back_in_its_unit(rows: RowsOf, make: Callable[..., Encodings]) -> None:
    from dataclasses import replace

    plain = make([("a", "regression")])
    scaled = Encodings(plain.inputs, (replace(plain.tasks[0], mean=120.0, std=15.0),))
    network = build_network(plain, model_of("shared_bottom"))
    inputs = rows(plain, 9, 0).inputs
    expected = predict(network, plain, inputs)["a"] * 15 + 120
    np.testing.assert_allclose(predict(network, scaled, inputs)["a"], expected, rtol=1e-12)


def test_no_rows_give_no_predictions(way: str, mixed: Encodings, rows: RowsOf) -> None:
    found = predict(build_network(mixed, model_of(way)), mixed, rows(mixed, 1, 0).inputs)
    none = {name: {key: a[:0] for key, a in of.items()} for name, of in rows(mixed, 1, 0).inputs.items()}
    empty = predict(build_network(mixed, model_of(way)), mixed, none)
    assert {n: (0, *v.shape[1:]) for n, v in found.items()} == {n: v.shape for n, v in empty.items()}


def test_an_absent_input_counts_as_absent_however_it_is_said(way: str, two_inputs: Encodings, rows: RowsOf) -> None:
    network = build_network(two_inputs, model_of(way))
    inputs = rows(two_inputs, 8, 3).inputs
    left_out = predict(network, two_inputs, {"x": inputs["x"]})
    masked = predict(network, two_inputs, {**inputs, "y": {**inputs["y"], "present": np.zeros(8, bool)}})
    for name, values in left_out.items():
        assert values.tobytes() == masked[name].tobytes()


def test_what_stands_in_an_absent_row_is_nothing_to_anybody(way: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """Not even NaN, nor a code that does not exist."""
    network, some = build_network(two_inputs, model_of(way)), rows(two_inputs, 8, 3).inputs
    gone = np.arange(8) < 3
    absent = {"x": some["x"], "y": {**some["y"], "present": ~gone}}
    before = predict(network, two_inputs, absent)
    numeric = np.where(gone[:, None], np.nan, some["y"]["numeric"]).astype(np.float32)
    after = predict(network, two_inputs, {"x": some["x"], "y": {**absent["y"], "numeric": numeric}})
    assert all(after[name].tobytes() == values.tobytes() for name, values in before.items())


def copy_into(network: Network, other: Network, part: str) -> None:
    """Weights of `other`'s body into the hybrid's `part`, and its heads."""
    source = dict(other.named_parameters())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith((f"body.{part}.", "heads.")):
                parameter.copy_(source[name])


@pytest.mark.parametrize(("gate", "sharing", "part"), [(1, "shared_bottom", "shared"), (0, "separate", "own")])
@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_hybrid_holds_both_others(
    gate: int, sharing: str, part: str, encodings: str, rows: RowsOf, request: pytest.FixtureRequest
) -> None:
    """All gates at 1: exactly shared_bottom of the same weights; at 0: exactly separate."""
    of: Encodings = request.getfixturevalue(encodings)
    plain, hybrid = build_network(of, model_of(sharing)), build_network(of, model_of("hybrid"))
    copy_into(hybrid, plain, part)
    assert isinstance(hybrid.body, Hybrid)
    hybrid.body.set_gates(gate)
    inputs = rows(of, 40, 4).inputs
    expected, found = predict(plain, of, inputs), predict(hybrid, of, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=2e-7)
    hybrid.body.set_gates(0.5)
    assert any(np.abs(values - expected[name]).max() > 1e-3 for name, values in predict(hybrid, of, inputs).items())


def test_gates_are_reported_a_task_and_layer(mixed: Encodings) -> None:
    network = build_network(mixed, model_of("hybrid"))
    assert isinstance(network.body, Hybrid)
    network.body.set_gates(0.25)
    assert list(network.gates()) == [t.name for t in mixed.tasks]
    for of_task in network.gates().values():
        assert of_task == pytest.approx([0.25] * 3, abs=1e-6)
    assert build_network(mixed, model_of("separate")).gates() == {}


def test_only_is_the_same_network_for_fewer_tasks(way: str, mixed: Encodings, rows: RowsOf) -> None:
    """Where one task's prediction rests on the others (with `ple` on their own experts) none is taken out alone."""
    network, chosen = stirred(build_network(mixed, model_of(way))).eval(), [1, 4, 6, 8, 9]
    if network.body.entwined:
        with pytest.raises(ValueError, match=rf"{network.sharing}.*none can be taken out"):
            network.only(chosen)
        chosen = list(range(len(mixed.tasks)))
    inputs, fewer = batch_of(network, rows(mixed, 20, 5)), network.only(chosen)
    assert not fewer.training
    before, after = network.decode(network(inputs)), fewer.decode(fewer(inputs))
    for place, task in enumerate(chosen):
        torch.testing.assert_close(after[place], before[task], rtol=0, atol=0 if network.body.entwined else 1e-6)


@pytest.mark.parametrize("members", [1, 3])
def test_order_of_tasks_does_not_matter(way: str, members: int, mixed: Encodings, rows: RowsOf) -> None:
    """Tasks and their weights in another order: the same predictions."""
    order = [3, 0, 6, 9, 2, 5, 8, 1, 4, 7]
    turned = Encodings(mixed.inputs, tuple(mixed.tasks[t] for t in order))
    network, other = (build_network(of, model_of(way, members=members)) for of in (mixed, turned))
    copy_in_order(stirred(network), other, order)
    inputs = rows(mixed, 30, 6).inputs
    expected, found = predict(network, mixed, inputs), predict(other, turned, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_a_task_without_labels_moves_nothing_of_its_own(way: str, training: bool, mixed: Encodings, rows: RowsOf) -> None:
    """Also where its guess is told to others. What belongs to a task with labels moves."""
    network = stirred(build_network(mixed, model_of(way))).train(training)
    some, absent = rows(mixed, 32, 7), [0, 2, 3]
    targets, mask = labels_of(some)
    mask[absent] = 0
    losses = network.losses(network(batch_of(network, some)), targets, mask)
    assert losses[absent].tolist() == [0, 0, 0]
    assert (losses[[1, 4, 5, 6]] > 0).all()
    losses.sum().backward()
    owners = network.owners()
    for name, parameter in network.named_parameters():
        grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert grad.isfinite().all()
        for of_owner, owner in zip(grad, owners[name], strict=bool(owners[name])):
            assert owner not in absent or not of_owner.any(), name
            assert owner in absent or of_owner.any() or name.endswith(AT_REST), name


def test_masked_rows_have_no_influence(mixed: Encodings, rows: RowsOf) -> None:
    """The target where there is no label may hold anything: loss and gradients stay, bit for bit."""
    network = build_network(mixed, model_of("shared_bottom")).eval()
    some = rows(mixed, 32, 8)
    labels, mask = labels_of(some)
    grads = []
    for filler in (0.0, 2.0):
        network.zero_grad()
        targets = torch.where(mask > 0, labels, torch.tensor(filler))
        network.losses(network(batch_of(network, some)), targets, mask).sum().backward()
        grads.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def test_the_same_seed_builds_the_same_weights(mixed: Encodings) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(build_network(mixed, model_of("hybrid")).parameters())

    assert all(torch.equal(a, b) for a, b in zip(weights(1), weights(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(1), weights(2), strict=True))


def test_parameters_are_where_they_should_be(mixed: Encodings) -> None:
    """Nothing is shared by separate, nothing but heads is private in shared_bottom."""
    assert build_network(mixed, model_of("separate")).shared_parameters() == []
    owners = build_network(mixed, model_of("shared_bottom")).owners()
    assert all(name.startswith("heads.") == bool(of) for name, of in owners.items())
    sizes = {"regression": 1, "binary": 1, "multiclass": 4, "ordinal": 5, "count": 2, "quantile": 3}
    assert dict(plan_of(mixed).widest) == sizes
