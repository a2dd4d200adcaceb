"""Sight over all sharings: an input that a task may not see moves no bit of its prediction, also not through a neighbour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network, predict
from tests.model.conftest import table
from tests.model.conftest import task as task_of
from tests.model.network.conftest import batch_of, labels_of, model_of, stirred

RowsOf = Callable[..., AlignedSet]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("fusion", ["concat", "mean", "attention"])
def test_a_hidden_input_moves_no_bit(way: str, fusion: str, members: int, two_inputs: Encodings, rows: RowsOf) -> None:
    """`a` and `d` do not see y, `b` does not see x; whatever stands there, even NaN, is nothing to them."""
    network = stirred(build_network(two_inputs, model_of(way, fusion=fusion, members=members)))
    inputs = rows(two_inputs, 64, 2).inputs
    before = predict(network, two_inputs, inputs)
    for hidden, blind, seeing in (("y", "ad", "bc"), ("x", "b", "acd")):
        for value in (1e3, np.nan):
            changed = {**inputs, hidden: {**inputs[hidden], "numeric": np.full_like(inputs[hidden]["numeric"], value)}}
            after = predict(network, two_inputs, changed)
            assert all(after[name].tobytes() == before[name].tobytes() for name in blind)
            assert all(after[name].tobytes() != before[name].tobytes() for name in seeing)


@pytest.mark.parametrize(
    ("kinds", "seen"),
    [("regression binary regression ordinal", seen) for seen in ("x xy z xyz", "xy x z y", "z yx yx zx")]
    + [("regression regression binary regression", seen) for seen in ("x x y z", "x z y z", "x y z y", "z y x x")],
)
def test_chains_of_neighbours_let_nothing_through(way: str, kinds: str, seen: str, rows: RowsOf) -> None:
    """Tasks whose sights overlap or hold one another, of kinds that make their groups' order rise and fall.

    Where the third of four tasks is of another kind, the others' groups need not rise one by one: 0, 0, 2.
    """
    sights = seen.split()
    tasks = tuple(task_of(f"t{i}", kind, list(sight)) for i, (kind, sight) in enumerate(zip(kinds.split(), sights, strict=True)))
    encodings = Encodings({name: table(name, 3) for name in "xyz"}, tasks)
    network, arrays = stirred(build_network(encodings, model_of(way))), rows(encodings, 16, 5).inputs
    before = predict(network, encodings, arrays)
    for hidden in "xyz":
        changed = {**arrays, hidden: {**arrays[hidden], "numeric": arrays[hidden]["numeric"] + 9}}
        after = predict(network, encodings, changed)
        moved = {name for name, values in after.items() if values.tobytes() != before[name].tobytes()}
        assert moved == {one.name for one in tasks if hidden in one.inputs}


def test_a_hidden_input_moves_no_gradient(way: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """The loss of `a` alone, which sees x: its gradient is the same bits whatever stands in y."""
    network, some = stirred(build_network(two_inputs, model_of(way))).eval(), rows(two_inputs, 16, 4)
    targets, _ = labels_of(some)
    found = []
    for value in (0.0, 5.0):
        hidden = {**some.inputs["y"], "numeric": np.full_like(some.inputs["y"]["numeric"], value)}
        outputs = network(batch_of(network, replace(some, inputs={**some.inputs, "y": hidden})))
        network.zero_grad()
        network.losses(outputs, targets, torch.ones(4, 16))[0].backward()
        found.append({n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None and ".y." not in n})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(grad, found[1][name]) for name, grad in found[0].items())
