"""What every network over pictures offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from mtl.network.sequences.base import Weights


class PictureNetwork(nn.Module, ABC):
    """Gives each picture `size` numbers, from it alone. Every parameter is [copies, …]; copies take turns."""

    size: int

    @abstractmethod
    def __init__(self, options: Mapping[str, float], channels: int, sides: tuple[int, int], copies: int) -> None:
        """`options` are all of this network (`mtl.spec.options.IMAGE_OPTIONS`); pictures have `channels` and `sides`,
        height and width."""
        super().__init__()

    @abstractmethod
    def forward(self, x: Tensor, weights: Weights) -> Tensor:
        """Pictures x [picture, channels, height, width] and the weights of one copy → [picture, size]; at least one."""
