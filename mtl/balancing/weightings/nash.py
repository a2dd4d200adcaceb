"""nash: multi-task learning as a bargaining game (Navon et al. 2022, arXiv:2202.01017, algorithm 1).

The weights of the Nash bargaining solution, Gα = 1/α: no task's scale matters, and the update is a positive
combination that lowers every loss. It has length √t for t tasks whatever the gradients' lengths; as in the authors'
code it is cut to `max_norm` (0: not at all).
"""

from __future__ import annotations

import numpy as np

from mtl.balancing.solvers.fair import fair
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting


class Nash(Weighting):
    """Solved exactly each time, so no state. All zero at a Pareto-stationary point, where bargaining ends."""

    def __init__(self, tasks: int, *, max_norm: float = 1.0) -> None:
        super().__init__(tasks)
        self.max_norm = max_norm

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        weights = fair(gradients)
        length = np.sqrt(np.count_nonzero(weights))  # αᵀGα = Σ αᵢ/αᵢ
        return weights * (self.max_norm / length) if 0 < self.max_norm < length else weights
