"""What every gradient method offers: from the Gramian of the tasks' gradients to a weight for each task.

The update of the shared part is Σ wᵢ gᵢ, so all a method needs of the gradients is G = [gᵢ·gⱼ]: written once on the
Gramian, it serves at the representation and at the parameters alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from mtl.balancing.solvers.geometry import Array, Geometry


class Weighting(nn.Module, ABC):
    """One gradient method over `tasks` tasks. Options come by keyword; what it carries from step to step are persistent
    buffers, kept for all tasks, so that a run goes on from a checkpoint as if it had not stopped.

    Call it with the Gramian of the tasks present; a task without a label in the batch has no row in it."""

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.tasks = tasks

    def forward(self, gramian: Tensor, present: Tensor | None = None) -> Tensor:
        """gramian [t, t] of any float type, present int64 [t] (which of all tasks its rows are; None: all of them)
        → weights [t] of the Gramian's own type and device. Solved on the CPU in float64; not a number where the Gramian
        is not finite, as the gradients then are not either."""
        matrix = gramian.detach().to(device="cpu", dtype=torch.float64).numpy()
        rows = np.arange(len(matrix)) if present is None else present.detach().cpu().numpy()
        if not np.isfinite(matrix).all():
            return gramian.new_full((len(matrix),), float("nan"))
        if not matrix.any():  # no gradient at all: whatever the weights, the update is nothing
            return gramian.new_ones(len(matrix))
        kind = torch.finfo(gramian.dtype)
        weights = torch.from_numpy(self.weigh(Geometry.of(matrix, kind.eps), rows))
        return weights.clamp(kind.min, kind.max).to(gramian)

    @abstractmethod
    def weigh(self, gradients: Geometry, present: Array) -> Array:
        """The gradients' norms and cosines, and the numbers [t] of the tasks they are of → weights float64 [t]."""
