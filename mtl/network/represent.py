"""What an encoder makes of its input: the first copy that reads it, the first member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from mtl.network.encoders import Arrays
from mtl.network.network import Network, input_tensors
from mtl.network.ragged import row_lengths, rows_at_once, rows_in, take_inputs
from mtl.network.sharing.branch import Sight
from mtl.network.sharing.gates import Crossed, LinearSight

Vectors = np.ndarray[Any, np.dtype[np.float32]]


@torch.inference_mode()
def represent(network: Network, inputs: Mapping[str, Arrays], name: str, batch_size: int = 1024) -> Vectors:
    """float32 [rows, width] of the input `name`, whose arrays are as `InputEncoding.apply` gives them; of a row without it,
    numbers that say nothing.

    Where tasks have encoders of their own, that of the first task which sees the input.
    """
    was_training = network.training
    network.eval()
    sight, copy = next(_readers(network, name))
    tensors = {name: input_tensors(network.plan, inputs)[name]}
    size = rows_at_once(max(1, batch_size // sight.copies), row_lengths(tensors), sight.copies)
    found = []
    for rows in torch.split(torch.arange(rows_in(tensors)), size):
        batch = {key: tensor.to(network.device) for key, tensor in take_inputs(tensors, rows)[name].items()}
        encoded = sight.encoders[name](batch)  # [copies, batch, member, width]
        found.append(encoded[min(copy, len(encoded) - 1), :, 0].float().cpu())
    network.train(was_training)
    return torch.cat(found).numpy()


def _readers(network: Network, name: str) -> Iterator[tuple[Sight, int]]:
    """Who reads the input, and the copy of each that does so for a viewer which sees it; what gates read by is none."""
    at = [one.name for one in network.plan.inputs].index(name)
    scores = {id(module.sight) for module in network.body.modules() if isinstance(module, LinearSight)}
    for sight in (module for module in network.body.modules() if isinstance(module, Sight) and id(module) not in scores):
        for viewer in torch.nonzero(sight.sees[:, at]).flatten().tolist():
            own = sight.copies > 1 and not isinstance(sight, Crossed)
            yield sight, viewer // sight.each if own else 0
