"""Predictions in the tasks' own units."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from mtl.network.encoders import Arrays, Tensors
from mtl.network.network import Network, Outputs, input_tensors
from mtl.network.plan import Encoded, Target

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

    `inputs` are arrays as `TabularEncoding.apply` gives them; an input that is left out counts as absent. A batch holds
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
    network: Network, inputs: Mapping[str, Arrays], batch_size: int, *ways: Callable[[Outputs], list[torch.Tensor]]
) -> list[list[np.ndarray[Any, Any]]]:
    """For each way to read the outputs, an array a task over all rows."""
    was_training = network.training
    network.eval()
    rows_at_once = network.model.members * (len(network.plan.tasks) if network.body.own_rows else 1)
    tensors = input_tensors(network.plan, inputs)
    parts: list[list[list[torch.Tensor]]] = [[] for _ in ways]
    for batch in _batches(tensors, max(1, batch_size // rows_at_once), network.device):
        outputs = network(batch)
        for part, way in zip(parts, ways, strict=True):
            part.append(way(outputs))
    network.train(was_training)
    return [[torch.cat(of_task).double().cpu().numpy() for of_task in zip(*part, strict=True)] for part in parts]


def _batches(tensors: dict[str, Tensors], size: int, device: torch.device) -> Iterator[dict[str, Tensors]]:
    """[1, up to `size`, …] of each tensor at a time; one empty batch if there is no row."""
    rows = len(next(iter(next(iter(tensors.values())).values())))
    for start in range(0, max(rows, 1), size):
        part = slice(start, start + size)
        yield {name: {key: t[part].unsqueeze(0).to(device) for key, t in of.items()} for name, of in tensors.items()}
