"""What every network over pictures offers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from mtl.network.input_plans import ImagePlan
from mtl.network.sequences.base import Weights

GROUP = 16
"""Channels that are normalised together, at least."""


class PictureNetwork(nn.Module, ABC):
    """Gives each picture `size` numbers, from it alone. Every parameter is [copies, …]; copies take turns."""

    size: int

    @abstractmethod
    def __init__(self, plan: ImagePlan, copies: int) -> None:
        """`plan.options` are all of this network (`mtl.spec.options.IMAGE_OPTIONS`)."""
        super().__init__()

    def own_rates(self) -> dict[str, float]:
        """Parameter → its own learning rate, where that is not the training's."""
        return {}

    @abstractmethod
    def forward(self, x: Tensor, weights: Weights) -> Tensor:
        """Pictures x [picture, channels, height, width] and the weights of one copy → [picture, size]; at least one."""


def channel_groups(channels: int) -> int:
    """Into how many groups of like size they fall."""
    return next(n for n in range(max(1, channels // GROUP), 0, -1) if channels % n == 0)
