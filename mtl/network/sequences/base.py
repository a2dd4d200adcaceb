"""What every network over tokens offers, and how stacked weights come apart into those of each copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from mtl.network.sequences.layout import Layout

Weights = Mapping[str, Tensor]
"""One copy's part of each parameter, by the parameter's name."""


class SequenceNetwork(nn.Module, ABC):
    """Gives each token `size` numbers, from its row alone. Every parameter is [copies, …]; copies take turns."""

    size: int

    def __init__(self, options: Mapping[str, float], copies: int, dropout: float) -> None:
        """`options` are all of this network (`mtl.spec.options.SEQUENCE_OPTIONS`).

        Raises ValueError, in words, where they do not fit each other.
        """
        super().__init__()
        self.dropout = dropout

    @property
    def drops(self) -> float:
        """The rate of dropout now."""
        return self.dropout if self.training else 0.0

    @abstractmethod
    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        """Embeddings x [token, embedding] and the weights of one copy → [token, size]; at least one token."""


def split(parameter: Tensor) -> Sequence[Tensor]:
    """[copies, …] → each copy's own. Indexing would cost the gradient a pass over zeros for each copy."""
    return [parameter.squeeze(0)] if len(parameter) == 1 else parameter.unbind()


def of_copies(module: nn.Module, copies: int) -> list[Weights]:
    """Each copy's part of all of the module's parameters."""
    parts = {name: split(parameter) for name, parameter in module.named_parameters()}
    return [{name: part[copy] for name, part in parts.items()} for copy in range(copies)]
