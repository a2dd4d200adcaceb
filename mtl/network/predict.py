"""Predictions in the tasks' own units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mtl.network.encoders import Arrays, Held, Tensors
from mtl.network.network import Network, Outputs, input_tensors
from mtl.network.plan import Encoded, Target
from mtl.network.ragged import row_lengths, rows_in, take_inputs

TOKENS = 1 << 16
"""Tokens of one batch at most, over all rows."""
Predictions = dict[str, np.ndarray[Any, np.dtype[np.float64]]]


class Scaled(Target, Protocol):
    """A task that knows its own unit."""

    def original(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]: ...
    def difference(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]: ...


class Scaling(Encoded, Protocol):
    """Encodings whose tasks know their own unit."""

    @property
    def tasks(self) -> tuple[Scaled, ...]: ...


def predict(network: Network, encodings: Scaling, inputs: Mapping[str, Arrays], batch_size: int = 8192) -> Predictions:
    """Task → float64 [n]: regression in the task's unit, binary the probability of the positive class;
    multiclass and ordinal [n, class] probabilities. With members, the mean of what each of them predicts.

    `inputs` are arrays as `InputEncoding.apply` gives them; an input that is left out counts as absent. A batch holds
    `batch_size` rows for all copies and members together, so that 139 networks side by side need no more memory than one.
    """
    (values,) = _decoded(network, inputs, batch_size, network.decode)
    return {task.name: task.original(of_task) for task, of_task in zip(encodings.tasks, values, strict=True)}


def predict_with_spread(
    network: Network, encodings: Scaling, inputs: Mapping[str, Arrays], batch_size: int = 8192
) -> tuple[Predictions, Predictions]:
    """What `predict` gives, and the standard deviation over members of each of its numbers, in the same unit.

    The second is empty for a network without members.
    """
    if network.model.members == 1:
        return predict(network, encodings, inputs, batch_size), {}
    values, spread = _decoded(network, inputs, batch_size, network.decode, network.spread)
    tasks = encodings.tasks
    return (
        {task.name: task.original(of_task) for task, of_task in zip(tasks, values, strict=True)},
        {task.name: task.difference(of_task) for task, of_task in zip(tasks, spread, strict=True)},
    )


@torch.inference_mode()
def _decoded(
    network: Network, inputs: Mapping[str, Arrays], batch_size: int, *ways: Callable[[Outputs], list[Tensor]]
) -> list[list[np.ndarray[Any, Any]]]:
    """For each way to read the outputs, an array a task over all rows."""
    was_training = network.training
    network.eval()
    rows_at_once = network.model.members * (len(network.plan.tasks) if network.body.own_rows else 1)
    tensors, rows = input_tensors(network.plan, inputs), list[Tensor]()
    parts: list[list[list[Tensor]]] = [[] for _ in ways]
    for batch in _batches(tensors, max(1, batch_size // rows_at_once)):
        outputs = network(_on(take_inputs(tensors, batch), network.device))
        rows.append(batch)
        for part, way in zip(parts, ways, strict=True):
            part.append(way(outputs))
    network.train(was_training)
    back = torch.argsort(torch.cat(rows)).numpy()
    return [[torch.cat(of_task).double().cpu().numpy()[back] for of_task in zip(*part, strict=True)] for part in parts]


def _on(batch: dict[str, Tensors], device: torch.device) -> dict[str, Tensors]:
    return {name: {key: tensor.to(device) for key, tensor in of.items()} for name, of in batch.items()}


def _batches(inputs: Mapping[str, Held], size: int) -> Iterator[Tensor]:
    """Numbers of up to `size` rows at a time, of fewer where these have many tokens; one empty batch if there is no row.

    Rows of different length come by length, so that little is padded.
    """
    rows, lengths = rows_in(inputs), row_lengths(inputs)
    if lengths is None:
        yield from torch.split(torch.arange(rows), size)
        return
    order, start = torch.argsort(lengths, descending=True, stable=True), 0
    while start < max(rows, 1):
        longest = int(lengths[order[start]]) if rows else 1
        stop = start + max(1, min(size, TOKENS // max(1, longest)))
        yield order[start:stop]
        start = stop
