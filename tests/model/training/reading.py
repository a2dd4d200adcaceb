"""What training must show on any kind of input: the rows that are learned from, and checks that hold whatever is read.

Two tasks, of which some see the input and some a vector beside it: `positive` is decided by the input, `amount` is the
vector's first number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs import VectorEncoding
from mtl.data.ragged import Ragged
from mtl.network import Network, build_network, predict
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit
from tests.model.conftest import task

Array = np.ndarray[Any, Any]
Inputs = dict[str, dict[str, Any]]


class StopError(Exception):
    """Thrown at the end of an epoch."""


def seen_by(positive: Sequence[str], amount: Sequence[str]) -> tuple[TaskEncoding, ...]:
    """The two tasks, and the inputs that each sees."""
    return task("positive", "binary", positive), task("amount", "regression", amount)


def numbers() -> VectorEncoding:
    return VectorEncoding("numbers", {"thing": "table"}, "v", "v", (0.0,) * 3, (1.0,) * 3)


def rows_with(name: str, arrays: dict[str, Any], positive: Array, random: np.random.Generator) -> AlignedSet:
    """This input beside a vector that a tenth of the rows lack."""
    present = random.random(len(positive)) < 0.9
    vectors = np.where(present[:, None], random.normal(size=(len(positive), 3)), 0).astype(np.float32)
    targets = np.stack([positive, vectors[:, 0]], 1).astype(np.float32)
    inputs = {name: arrays, "numbers": {"numeric": vectors, "present": present}}
    return AlignedSet(inputs, targets, np.ones(targets.shape, np.bool_), ("positive", "amount"))


def part(rows: AlignedSet) -> Array:
    """Label a fifth of the rows for `positive` and the others for `amount`; bool [rows], True for that fifth."""
    few: Array = np.arange(rows.rows) % 5 == 0
    rows.labelled[:, 0], rows.labelled[:, 1] = few, ~few
    return few


def emptied(held: Ragged, kept: Array) -> Ragged:
    """The same rows, with nothing in those that are not kept."""
    return Ragged.of_lengths(held[kept].values, np.where(kept, held.lengths, 0))


def same_weights(one: Fitted, other: Fitted) -> bool:
    return all(torch.equal(value, other.network.state_dict()[name]) for name, value in one.network.state_dict().items())


def small(**more: Any) -> Model:
    return Model(**{"width": 8, "depth": 1, **more})


def fresh(encodings: Encodings, **model: Any) -> Network:
    """A small network that has learned nothing, to predict with."""
    torch.manual_seed(0)
    return build_network(encodings, small(**{"dropout": 0.0, **model})).eval()


def check_learned(network: Network, encodings: Encodings, test: AlignedSet, right: float, related: float) -> None:
    """More than `right` of the rows with the input are told, and `amount` correlates more than `related`."""
    found = predict(network, encodings, test.inputs)
    (name,) = test.inputs.keys() - {"numbers"}
    told = (found["positive"] > 0.5) == test.targets[:, 0].astype(bool)
    assert told[test.inputs[name]["present"]].mean() > right
    assert np.corrcoef(found["amount"], test.targets[:, 1])[0, 1] > related


def check_finite(network: Network, encodings: Encodings, inputs: Inputs) -> None:
    found = predict(network, encodings, inputs)
    assert all(np.isfinite(values).all() for values in found.values())


def check_hidden(network: Network, encodings: Encodings, inputs: Inputs, changed: Mapping[str, dict[str, Any]]) -> None:
    """No bit of `positive` moves with what changed, `amount` does."""
    before, after = (predict(network, encodings, of) for of in (inputs, {**inputs, **changed}))
    assert np.array_equal(before["positive"], after["positive"])
    assert not np.array_equal(before["amount"], after["amount"])


def check_order(network: Network, encodings: Encodings, rows: AlignedSet, size: int, atol: float = 1e-5) -> None:
    """In batches of `size` each row is predicted as it is alone."""
    whole = predict(network, encodings, rows.inputs, batch_size=size)
    alone = [
        predict(
            network, encodings, {name: {key: array[i : i + 1] for key, array in of.items()} for name, of in rows.inputs.items()}
        )
        for i in range(rows.rows)
    ]
    for name in ("positive", "amount"):
        np.testing.assert_allclose(whole[name], np.concatenate([one[name] for one in alone]), atol=atol)


def check_break(encodings: Encodings, sides: Sequence[AlignedSet], model: Model, training: Training, folder: Path) -> Fitted:
    """Stopped after an epoch and gone on with, a run is to the bit what it is in one go, which is given back."""
    train, valid = sides
    first = fit(encodings, train, valid, model, training)

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        fit(encodings, train, valid, model, training, checkpoints=folder, inputs_key="k", progress=stop)
    again = fit(encodings, train, valid, model, training, checkpoints=folder, inputs_key="k")
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    return first


def check_empty_batches(encodings: Encodings, sides: Sequence[AlignedSet], epochs: int = 1, **asked: str) -> None:
    """In batches of two rows, of which most lack the input."""
    train, valid = sides
    training = Training.model_validate({"batch_size": 2, "max_epochs": epochs, "lr": 1e-3, **asked})
    done = fit(encodings, train, valid, small(), training)
    assert all(torch.isfinite(p).all() for p in done.network.parameters())
