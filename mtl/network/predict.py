"""Predictions in the tasks' own units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mtl.network.encoders import Arrays, Tensors
from mtl.network.network import Network, Outputs, input_tensors
from mtl.network.plan import Encoded, Target
from mtl.network.ragged import row_lengths, rows_at_once, rows_in, take_inputs

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
    `batch_size` rows for all copies and members together, so that 139 networks side by side need no more memory than one, and
    fewer where rows are long.
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
    copies = network.model.members * (len(network.plan.tasks) if network.body.own_rows else 1)
    tensors = input_tensors(network.plan, inputs)
    size = rows_at_once(max(1, batch_size // copies), row_lengths(tensors), copies)
    parts: list[list[list[Tensor]]] = [[] for _ in ways]
    for rows in torch.split(torch.arange(rows_in(tensors)), size):
        outputs = network(_on(take_inputs(tensors, rows), network.device))
        for part, way in zip(parts, ways, strict=True):
            part.append(way(outputs))
    network.train(was_training)
    return [[torch.cat(of_task).double().cpu().numpy() for of_task in zip(*part, strict=True)] for part in parts]


def _on(batch: dict[str, Tensors], device: torch.device) -> dict[str, Tensors]:
    return {name: {key: tensor.to(device) for key, tensor in of.items()} for name, of in batch.items()}
