"""Shapes, sight, sharing: what a network of many tasks promises whatever its weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, input_tensors, plan_of, predict, rows_of
from mtl.network.sharing.hybrid import Hybrid
from mtl.spec import Model
from tests.model.conftest import table
from tests.model.conftest import task as task_of

SHARINGS = ["shared_bottom", "separate", "hybrid"]
RowsOf = Callable[..., AlignedSet]


def small(sharing: str, fusion: str = "concat", **more: object) -> Model:
    return Model.model_validate({"sharing": sharing, "fusion": fusion, "width": 16, "depth": 3, "dropout": 0.2, **more})


def batch_of(network: Network, rows: AlignedSet) -> dict[str, dict[str, torch.Tensor]]:
    tensors = input_tensors(network.plan, rows.inputs)
    return {name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()}


@pytest.mark.parametrize("sharing", SHARINGS)
def test_shapes_of_representation_and_logits(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, small(sharing)).eval()
    outputs = network(batch_of(network, rows(mixed, 11, 0)))
    views = 1 if sharing == "shared_bottom" else len(mixed.tasks)
    assert outputs.shared.seen.shape == (views, 11, 1, 16)
    assert {kind: tuple(x.shape) for kind, x in outputs.logits.items()} == {
        "regression": (2, 11, 1, 1), "binary": (1, 11, 1, 1), "multiclass": (2, 11, 1, 4), "ordinal": (2, 11, 1, 4),
    }  # fmt: skip


@pytest.mark.parametrize("sharing", SHARINGS)
def test_predictions_are_what_the_contract_says(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    found = predict(build_network(mixed, small(sharing)), mixed, rows(mixed, 50, 1).inputs, batch_size=16)
    assert list(found) == [t.name for t in mixed.tasks]
    for task in mixed.tasks:
        values = found[task.name]
        assert values.dtype == np.float64
        assert values.shape == ((50, len(task.classes)) if task.kind in ("multiclass", "ordinal") else (50,))
        if task.kind in ("multiclass", "ordinal"):
            assert (values >= 0).all()
            np.testing.assert_allclose(values.sum(1), 1, atol=1e-12)
        if task.kind == "binary":
            assert ((values > 0) & (values < 1)).all()


def test_regression_comes_back_in_its_unit(rows: RowsOf, make: Callable[..., Encodings]) -> None:
    from dataclasses import replace

    plain = make([("a", "regression")])
    scaled = Encodings(plain.inputs, (replace(plain.tasks[0], mean=120.0, std=15.0),))
    network = build_network(plain, small("shared_bottom"))
    inputs = rows(plain, 9, 0).inputs
    expected = predict(network, plain, inputs)["a"] * 15 + 120
    np.testing.assert_allclose(predict(network, scaled, inputs)["a"], expected, rtol=1e-12)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_no_rows_give_no_predictions(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    found = predict(build_network(mixed, small(sharing)), mixed, rows(mixed, 1, 0).inputs)
    none = {name: {key: a[:0] for key, a in of.items()} for name, of in rows(mixed, 1, 0).inputs.items()}
    empty = predict(build_network(mixed, small(sharing)), mixed, none)
    assert {n: (0, *v.shape[1:]) for n, v in found.items()} == {n: v.shape for n, v in empty.items()}


@pytest.mark.parametrize("fusion", ["concat", "mean", "attention"])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_hidden_input_moves_no_bit(sharing: str, fusion: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """`a` and `d` do not see y, `b` does not see x; whatever stands there, even NaN, is nothing to them."""
    network = build_network(two_inputs, small(sharing, fusion))
    inputs = rows(two_inputs, 64, 2).inputs
    before = predict(network, two_inputs, inputs)
    for hidden, blind, seeing in (("y", "ad", "bc"), ("x", "b", "acd")):
        for value in (1e3, np.nan):
            changed = {**inputs, hidden: {**inputs[hidden], "numeric": np.full_like(inputs[hidden]["numeric"], value)}}
            after = predict(network, two_inputs, changed)
            assert all(after[name].tobytes() == before[name].tobytes() for name in blind)
            assert all(after[name].tobytes() != before[name].tobytes() for name in seeing)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("seen", ["xxyz", "xzyz", "xyzy", "zyxx"])
def test_no_order_of_tasks_and_groups_lets_a_hidden_input_through(sharing: str, seen: str, rows: RowsOf) -> None:
    """The third of four tasks is of another kind, so that the others' groups need not rise one by one: 0, 0, 2."""
    inputs = {name: table(name, 3) for name in "xyz"}
    kinds = ("regression", "regression", "binary", "regression")
    tasks = tuple(task_of(f"t{i}", kind, [one]) for i, (kind, one) in enumerate(zip(kinds, seen, strict=True)))
    encodings = Encodings(inputs, tasks)
    network, arrays = build_network(encodings, small(sharing)), rows(encodings, 16, 5).inputs
    before = predict(network, encodings, arrays)
    for hidden in "xyz":
        changed = {**arrays, hidden: {**arrays[hidden], "numeric": arrays[hidden]["numeric"] + 9}}
        after = predict(network, encodings, changed)
        moved = {name for name, values in after.items() if values.tobytes() != before[name].tobytes()}
        assert moved == {one.name for one in tasks if hidden in one.inputs}


@pytest.mark.parametrize("sharing", SHARINGS)
def test_an_absent_input_counts_as_absent_however_it_is_said(sharing: str, two_inputs: Encodings, rows: RowsOf) -> None:
    network = build_network(two_inputs, small(sharing))
    inputs = rows(two_inputs, 8, 3).inputs
    left_out = predict(network, two_inputs, {"x": inputs["x"]})
    masked = predict(network, two_inputs, {**inputs, "y": {**inputs["y"], "present": np.zeros(8, bool)}})
    for name, values in left_out.items():
        assert values.tobytes() == masked[name].tobytes()


@pytest.mark.parametrize("sharing", SHARINGS)
def test_what_stands_in_an_absent_row_is_nothing_to_anybody(sharing: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """Not even NaN, nor a code that does not exist."""
    network, some = build_network(two_inputs, small(sharing)), rows(two_inputs, 8, 3).inputs
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
    plain, hybrid = build_network(of, small(sharing)), build_network(of, small("hybrid"))
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
    network = build_network(mixed, small("hybrid"))
    assert isinstance(network.body, Hybrid)
    network.body.set_gates(0.25)
    assert list(network.gates()) == [t.name for t in mixed.tasks]
    for of_task in network.gates().values():
        assert of_task == pytest.approx([0.25] * 3, abs=1e-6)
    assert build_network(mixed, small("separate")).gates() == {}


@pytest.mark.parametrize("sharing", SHARINGS)
def test_only_is_the_same_network_for_fewer_tasks(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, small(sharing)).eval()
    chosen = [1, 4, 6]
    inputs = batch_of(network, rows(mixed, 20, 5))
    before, after = network.decode(network(inputs)), network.only(chosen).eval().decode(network.only(chosen).eval()(inputs))
    for place, task in enumerate(chosen):
        torch.testing.assert_close(after[place], before[task], rtol=0, atol=1e-6)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_order_of_tasks_does_not_matter(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    """Tasks and their weights in another order: the same predictions."""
    order = [3, 0, 6, 2, 5, 1, 4]
    turned = Encodings(mixed.inputs, tuple(mixed.tasks[t] for t in order))
    network, other = build_network(mixed, small(sharing)), build_network(turned, small(sharing))
    state, of = dict(network.named_parameters()), rows_of(network.owners(), order)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            parameter.copy_(state[name] if of[name] is None else state[name][of[name]])
    inputs = rows(mixed, 30, 6).inputs
    expected, found = predict(network, mixed, inputs), predict(other, turned, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_task_without_labels_gets_no_gradient(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, small(sharing)).eval()
    some = rows(mixed, 32, 7)
    targets, mask = torch.from_numpy(some.targets.T.copy()), torch.from_numpy(some.labelled.T.copy()).float()
    absent = [0, 2, 3]
    mask[absent] = 0
    losses = network.losses(network(batch_of(network, some)), targets, mask)
    assert losses[absent].tolist() == [0, 0, 0]
    assert (losses[[1, 4, 5, 6]] > 0).all()
    losses.sum().backward()
    owners = network.owners()
    for name, parameter in network.named_parameters():
        grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert grad.isfinite().all()
        for row, owner in enumerate(owners[name]):
            assert owner not in absent or not grad[row].any()


def test_masked_rows_have_no_influence(mixed: Encodings, rows: RowsOf) -> None:
    """The target where there is no label may hold anything: loss and gradients stay, bit for bit."""
    network = build_network(mixed, small("shared_bottom")).eval()
    some = rows(mixed, 32, 8)
    mask = torch.from_numpy(some.labelled.T.copy()).float()
    grads = []
    for filler in (0.0, 2.0):
        network.zero_grad()
        targets = torch.where(mask > 0, torch.from_numpy(some.targets.T.copy()), torch.tensor(filler))
        network.losses(network(batch_of(network, some)), targets, mask).sum().backward()
        grads.append([p.grad.clone() for p in network.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


def test_the_same_seed_builds_the_same_weights(mixed: Encodings) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        return list(build_network(mixed, small("hybrid")).parameters())

    assert all(torch.equal(a, b) for a, b in zip(weights(1), weights(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(1), weights(2), strict=True))


def test_parameters_are_where_they_should_be(mixed: Encodings) -> None:
    """Nothing is shared by separate, nothing but heads is private in shared_bottom."""
    assert build_network(mixed, small("separate")).shared_parameters() == []
    owners = build_network(mixed, small("shared_bottom")).owners()
    assert all(name.startswith("heads.") == bool(of) for name, of in owners.items())
    assert plan_of(mixed).widest == (("regression", 1), ("binary", 1), ("multiclass", 4), ("ordinal", 5))
