"""crnn: the convolutions of `cnn`, then a gated recurrent network over what they leave, from both ends (Çakır et al. 2017,
arXiv:1702.06286)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mtl.network.sequences.base import Weights
from mtl.network.sequences.layout import Layout
from mtl.network.sequences.recurrent import Gru
from mtl.network.sounds.cnn import Cnn

RECURRENT = "recurrent."


class Crnn(Cnn):
    """`hidden` numbers a direction."""

    def __init__(self, options: Mapping[str, float], mels: int, copies: int, dropout: float) -> None:
        super().__init__(options, mels, copies, dropout)
        asked = {"embedding": self.size, "hidden": options["hidden"], "layers": 1, "both": 1}
        self.recurrent = Gru(asked, copies, dropout)
        self.size = self.recurrent.size

    def forward(self, x: Tensor, layout: Layout, left: Layout, weights: Weights) -> Tensor:
        heard = super().forward(x, layout, left, weights)
        own = {name.removeprefix(RECURRENT): weight for name, weight in weights.items() if name.startswith(RECURRENT)}
        found: Tensor = self.recurrent(heard.to(own["input.0"].dtype), left, own)  # which stays out of autocast
        return found
