"""Predictions in the tasks' own units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from mtl.network.encoders import Arrays, Tensors
from mtl.network.network import Network, Outputs, input_tensors
from mtl.network.plan import Encoded, Target
from mtl.network.ragged import row_lengths, rows_at_once, rows_in, take_inputs

Predictions = dict[str, Any]
"""Task → float64 [n, …]; of a tagging task what its `tagged` makes of class numbers."""


class Scaled(Target, Protocol):
    """A task that knows its own unit."""

    def original(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]: ...
    def difference(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]: ...
    def tagged(self, values: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> Any: ...


class Scaling(Encoded, Protocol):
    """Encodings whose tasks know their own unit."""

    @property
    def tasks(self) -> tuple[Scaled, ...]: ...


def predict(network: Network, encodings: Scaling, inputs: Mapping[str, Arrays], batch_size: int = 8192) -> Predictions:
    """Task → float64 [n]: regression in the task's unit, count its mean, binary the probability of the positive class;
    multiclass and ordinal [n, class] probabilities, quantile [n, level] in the task's unit. With members, the mean of what
    each of them predicts. Tagging: the best legal tags of each row's tokens, as many as those.

    `inputs` are arrays as `InputEncoding.apply` gives them; an input that is left out counts as absent. A batch holds
    `batch_size` rows for all copies and members together, so that 139 networks side by side need no more memory than one, and
    fewer where rows are long.
    """
    (values,) = _decoded(network, inputs, batch_size, network.decode)
    return {task.name: _in_its_unit(task, of_task) for task, of_task in zip(encodings.tasks, values, strict=True)}


def predict_with_spread(
    network: Network, encodings: Scaling, inputs: Mapping[str, Arrays], batch_size: int = 8192
) -> tuple[Predictions, Predictions]:
    """What `predict` gives, and the standard deviation over members of each of its numbers, in the same unit.

    The second is empty for a network without members, and tells nothing of tags.
    """
    if network.model.members == 1:
        return predict(network, encodings, inputs, batch_size), {}
    values, spread = _decoded(network, inputs, batch_size, network.decode, network.spread)
    tasks = encodings.tasks
    return (
        {task.name: _in_its_unit(task, of_task) for task, of_task in zip(tasks, values, strict=True)},
        {task.name: task.difference(of_task) for task, of_task in zip(tasks, spread, strict=True) if of_task is not None},
    )


def _in_its_unit(task: Scaled, values: Any) -> Any:
    return task.tagged(*values) if isinstance(values, tuple) else task.original(values)


@torch.inference_mode()
def _decoded(
    network: Network, inputs: Mapping[str, Arrays], batch_size: int, *ways: Callable[[Outputs], Sequence[Tensor | None]]
) -> list[list[Any]]:
    """For each way to read the outputs, an array a task over all rows; of tags all rows' numbers and how many each row has."""
    was_training = network.training
    network.eval()
    copies = network.model.members * (len(network.plan.tasks) if network.body.own_rows else 1)
    tensors = input_tensors(network.plan, inputs)
    size = rows_at_once(max(1, batch_size // copies), row_lengths(tensors), copies)
    parts: list[list[Sequence[Tensor | None]]] = [[] for _ in ways]
    for rows in torch.split(torch.arange(rows_in(tensors)), size):
        outputs = network(_on(take_inputs(tensors, rows), network.device))
        for part, way in zip(parts, ways, strict=True):
            part.append(way(outputs))
    network.train(was_training)
    return [[_joined(of_task) for of_task in zip(*part, strict=True)] for part in parts]


def _joined(parts: Sequence[Tensor | None]) -> Any:
    """What was made of a task batch by batch."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    if known[0].is_floating_point():
        return torch.cat(known).double().cpu().numpy()
    there = [part > 0 for part in known]
    values = torch.cat([part[of] for part, of in zip(known, there, strict=True)])
    return values.cpu().numpy(), torch.cat([of.sum(1) for of in there]).cpu().numpy()


def _on(batch: dict[str, Tensors], device: torch.device) -> dict[str, Tensors]:
    return {name: {key: tensor.to(device) for key, tensor in of.items()} for name, of in batch.items()}
