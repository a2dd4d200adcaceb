"""Predictions in the tasks' own units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import torch

from mtl.network.encoders import Arrays, Tensors
from mtl.network.network import Network, input_tensors
from mtl.network.plan import Encoded, Target

Predictions = dict[str, np.ndarray[Any, np.dtype[np.float64]]]


class Scaled(Target, Protocol):
    """A task that knows its own unit."""

    def original(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]: ...


class Scaling(Encoded, Protocol):
    """Encodings whose tasks know their own unit."""

    @property
    def tasks(self) -> tuple[Scaled, ...]: ...


@torch.inference_mode()
def predict(network: Network, encodings: Scaling, inputs: Mapping[str, Arrays], batch_size: int = 8192) -> Predictions:
    """Task → float64 [n]: regression in the task's unit, binary the probability of the positive class;
    multiclass and ordinal [n, class] probabilities.

    `inputs` are arrays as `TabularEncoding.apply` gives them; an input that is left out counts as absent. A batch holds
    `batch_size` rows for all copies together, so that 139 networks side by side need no more memory than one.
    """
    was_training = network.training
    network.eval()
    copies = len(network.plan.tasks) if network.body.own_rows else 1
    tensors = input_tensors(network.plan, inputs)
    parts = [network.decode(network(batch)) for batch in _batches(tensors, max(1, batch_size // copies), network.device)]
    network.train(was_training)
    joined = [torch.cat(of_task).double().cpu().numpy() for of_task in zip(*parts, strict=True)]
    return {task.name: task.original(values) for task, values in zip(encodings.tasks, joined, strict=True)}


def _batches(tensors: dict[str, Tensors], size: int, device: torch.device) -> Iterator[dict[str, Tensors]]:
    """[1, up to `size`, …] of each tensor at a time; one empty batch if there is no row."""
    rows = len(next(iter(next(iter(tensors.values())).values())))
    for start in range(0, max(rows, 1), size):
        part = slice(start, start + size)
        yield {name: {key: t[part].unsqueeze(0).to(device) for key, t in of.items()} for name, of in tensors.items()}
