"""In which order each task meets the others."""

from __future__ import annotations

import numpy as np
import torch

from mtl.balancing.solvers.geometry import Array


def orders(tasks: int) -> Array:
    """[tasks − 1, tasks] int: column i holds every task but i, in an order of its own, drawn from torch's generator."""
    if tasks < 2:
        return np.zeros((0, tasks), dtype=np.int64)
    drawn = torch.rand(tasks, tasks - 1).numpy().argsort(1, kind="stable").T
    return np.asarray(drawn + (drawn >= np.arange(tasks)))
