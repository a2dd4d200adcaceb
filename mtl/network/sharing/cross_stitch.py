"""cross_stitch (Misra, Shrivastava, Gupta & Hebert 2016, arXiv:1604.03539): one network a task, stitched after each layer.

Their eq. 1, for any number of tasks: x̃_i = Σ_j α_ij x_j, with x_j the activations of task j's network after a layer and
one learned matrix α [task, task] a layer; the next layer of network i reads x̃_i. α = 1 on the diagonal and 0 elsewhere
is `separate`.

At the start α_ii = `start` (their α_S) and the others share the rest (their α_D), so that each row sums to 1 and begins
as a convex combination (their section 5: values in [0, 1]; of 0.1/0.9, 0.5/0.5, 0.7/0.3 and 0.9/0.1 the last did best
and is the default). Between tasks that may not hear each other α is 0 and stays so.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtl.network.plan import Plan
from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.branch import Branch
from mtl.network.sharing.hearing import circles, in_order, pick
from mtl.spec import Model

STEEPNESS = 10.0
"""α = STEEPNESS · parameter: with plain gradient descent α moves at STEEPNESS² = 100 times the learning rate of the
weights, the lower end of what the paper uses (10² to 10³)."""


class CrossStitch(Sharing):
    """A copy for each task; every loss reaches every copy, so all of it is where gradients meet."""

    entwined = True
    stacked = ("own.", "stitch")
    mixing = ("stitch",)

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        viewers = [task.inputs for task in plan.tasks]
        self.own = Branch(plan, model, len(viewers), viewers)
        self.circles = circles(plan)
        self.stitch = nn.Parameter(torch.zeros(len(viewers), model.depth, len(viewers)))
        self.set_stitches(model.option("start"))

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [task, batch, member, width]; gradients meet at the parameters, since each layer mixes anew."""
        x: Mapping[str, Mapping[str, Tensor]] | Tensor = inputs
        for layer, network in enumerate(self.own):
            x = self._mixed(network(x), STEEPNESS * self.stitch[:, layer])
        assert isinstance(x, Tensor)
        return Shared(x, None)

    def _mixed(self, x: Tensor, alpha: Tensor) -> Tensor:
        """x [task, batch, member, width], α [task, task] → Σ_j α_ij x_j over the tasks j that i may hear."""
        parts = [self._heard(x, alpha, hearers, heard) for hearers, heard in self.circles]
        return in_order(parts, self.circles)

    @staticmethod
    def _heard(x: Tensor, alpha: Tensor, hearers: list[int], heard: list[int]) -> Tensor:
        weights = pick(pick(alpha, hearers), heard, 1)
        return (weights @ pick(x, heard).flatten(1)).view(len(hearers), *x.shape[1:])

    @torch.no_grad()
    def set_stitches(self, own: float) -> None:
        """α_ii = `own` in every layer, and 1 − `own` in equal parts from the others that the task may hear."""
        self.stitch.zero_()
        for hearers, heard in self.circles:
            for task in hearers:
                if len(heard) > 1:
                    self.stitch[task, :, heard] = (1 - own) / (len(heard) - 1) / STEEPNESS
                self.stitch[task, :, task] = (own if len(heard) > 1 else 1.0) / STEEPNESS

    def stitches(self) -> Tensor:
        """α as it is now, [layer, task that hears, task that is heard]."""
        return (STEEPNESS * self.stitch.detach()).transpose(0, 1)
