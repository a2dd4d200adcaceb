"""What every network over log-mels offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn

from mtl.network.sequences.base import Weights
from mtl.network.sequences.layout import Layout


class SoundNetwork(nn.Module, ABC):
    """Gives each moment that it leaves of a recording `size` numbers. Every parameter is [copies, …]; copies take turns."""

    size: int

    @abstractmethod
    def __init__(self, options: Mapping[str, float], mels: int, copies: int, dropout: float) -> None:
        """`options` are all of this network (`mtl.spec.options.SOUND_OPTIONS`)."""
        super().__init__()

    @abstractmethod
    def left(self, lengths: Tensor) -> Tensor:
        """How many of so many moments are left; of 0 none."""

    @abstractmethod
    def forward(self, x: Tensor, layout: Layout, left: Layout, weights: Weights) -> Tensor:
        """Log-mels x [moment, mels] that lie as `layout` says, 1 at least; where those that are left of them lie; the weights of
        one copy → [moment left, size]."""
