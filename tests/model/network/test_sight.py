"""Sight over all sharings: an input that a task may not see moves no bit of its prediction, also not through a neighbour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, predict
from mtl.network.sharing import SHARINGS
from mtl.spec import Model
from tests.model.conftest import table
from tests.model.conftest import task as task_of

RowsOf = Callable[..., AlignedSet]


def stirred(encodings: Encodings, sharing: str, **more: object) -> Network:
    """A network in which nothing is at a start that would hide an exchange: every parameter moved a little."""
    torch.manual_seed(3)
    network = build_network(encodings, Model.model_validate({"sharing": sharing, "width": 16, "depth": 3, **more}))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("fusion", ["concat", "mean", "attention"])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_hidden_input_moves_no_bit(sharing: str, fusion: str, members: int, two_inputs: Encodings, rows: RowsOf) -> None:
    """`a` and `d` do not see y, `b` does not see x; whatever stands there, even NaN, is nothing to them."""
    network = stirred(two_inputs, sharing, fusion=fusion, members=members)
    inputs = rows(two_inputs, 32, 2).inputs
    before = predict(network, two_inputs, inputs)
    for hidden, blind, seeing in (("y", "ad", "bc"), ("x", "b", "acd")):
        for value in (1e3, np.nan):
            changed = {**inputs, hidden: {**inputs[hidden], "numeric": np.full_like(inputs[hidden]["numeric"], value)}}
            after = predict(network, two_inputs, changed)
            assert all(after[name].tobytes() == before[name].tobytes() for name in blind)
            assert all(after[name].tobytes() != before[name].tobytes() for name in seeing)


@pytest.mark.parametrize("sharing", SHARINGS)
@pytest.mark.parametrize("seen", ["x xy z xyz", "xy x z y", "z yx yx zx"])
def test_chains_of_neighbours_let_nothing_through(sharing: str, seen: str, rows: RowsOf) -> None:
    """Tasks whose sights overlap or hold one another, of kinds that make their groups' order rise and fall."""
    sights, kinds = seen.split(), ("regression", "binary", "regression", "ordinal")
    tasks = tuple(task_of(f"t{i}", kind, list(sight)) for i, (kind, sight) in enumerate(zip(kinds, sights, strict=True)))
    encodings = Encodings({name: table(name, 3) for name in "xyz"}, tasks)
    network, arrays = stirred(encodings, sharing), rows(encodings, 16, 5).inputs
    before = predict(network, encodings, arrays)
    for hidden in "xyz":
        changed = {**arrays, hidden: {**arrays[hidden], "numeric": arrays[hidden]["numeric"] + 9}}
        after = predict(network, encodings, changed)
        moved = {name for name, values in after.items() if values.tobytes() != before[name].tobytes()}
        assert moved == {one.name for one in tasks if hidden in one.inputs}


@pytest.mark.parametrize("sharing", SHARINGS)
def test_a_hidden_input_moves_no_gradient(sharing: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """The loss of `a` alone, which sees x: its gradient is the same bits whatever stands in y."""
    from mtl.network import input_tensors

    network, some = stirred(two_inputs, sharing).eval(), rows(two_inputs, 16, 4)
    found = []
    for value in (0.0, 5.0):
        arrays = {**some.inputs, "y": {**some.inputs["y"], "numeric": np.full_like(some.inputs["y"]["numeric"], value)}}
        tensors = input_tensors(network.plan, arrays)
        outputs = network({name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()})
        network.zero_grad()
        network.losses(outputs, torch.from_numpy(some.targets.T.copy()), torch.ones(4, 16))[0].backward()
        found.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None and ".y." not in n})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(grad, found[1][name]) for name, grad in found[0].items())
