"""Layers that follow each other: which they are, and each task's gradient carried back through them by hand."""

from __future__ import annotations

import pytest
import torch

from mtl.balancing import gramian
from mtl.data.encodings import Encodings
from mtl.network.layers import Layer
from tests.model.balancing.test_engine import RowsOf, Step


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_layers_up_to_what_heads_read_are_a_chain(
    depth: int, several: bool, mixed: Encodings, two_inputs: Encodings, rows: RowsOf
) -> None:
    """From the last one down to the only encoder's, or to the one that joins several inputs."""
    step = Step(two_inputs if several else mixed, rows, "shared_bottom", depth=depth)
    named = {name: layer.linear.weight for name, layer in step.network.named_modules() if isinstance(layer, Layer)}
    expected = [weight for name, weight in named.items() if not (several and ".encoders." in name)][::-1]
    assert len(expected) == depth
    assert [id(trace.weight) for trace in step.meeting.chain] == [id(weight) for weight in expected]


@pytest.mark.parametrize(("sharing", "members"), [("hybrid", 1), ("mmoe", 1), ("message_passing", 1), ("shared_bottom", 3)])
def test_other_layers_are_left_to_torch(sharing: str, members: int, mixed: Encodings, rows: RowsOf) -> None:
    """Where a layer's result goes to more than the next one, heads do not read the last one's, or members scale it."""
    assert not Step(mixed, rows, sharing, members).meeting.chain


@pytest.mark.parametrize("many", [0.0, 1.0])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_gradients_carried_by_hand_are_exact(
    depth: int, several: bool, many: float, mixed: Encodings, two_inputs: Encodings, rows: RowsOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under dropout, on all rows or on a task's own, with groups that see different inputs, a task absent, and parameters
    below the chain."""
    monkeypatch.setattr("mtl.balancing.chain.MANY", many)
    step = Step(two_inputs if several else mixed, rows, "shared_bottom", absent=[1], depth=depth, dropout=0.3)
    expected = step.explicit(step.meeting.parameters)
    found = gramian(step.losses, step.present, step.meeting, "parameters")
    torch.testing.assert_close(found, expected @ expected.T, rtol=1e-9, atol=1e-14)
    assert not found[1].any()


def test_an_input_below_the_chain_that_some_rows_lack(mixed: Encodings, rows: RowsOf) -> None:
    """What stands for it is a parameter between an encoder and the next layer."""
    step = Step(mixed, rows, "shared_bottom")
    assert [name for name, p in step.network.named_parameters() if name.endswith("absent") and p.requires_grad]
    assert len(step.meeting.chain) == 2
    present = torch.arange(24) % 3 > 0
    for tensors in step.batch.inputs.values():
        tensors["present"] = present.unsqueeze(0)
    step.forward()
    assert len(step.meeting.chain) == 1
    expected = step.explicit(step.meeting.parameters)
    found = gramian(step.losses, step.present, step.meeting, "parameters")
    torch.testing.assert_close(found, expected @ expected.T, rtol=1e-9, atol=1e-14)
