"""What every encoder offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from mtl.network.input_plans import InputPlan
from mtl.network.ragged import RaggedTensor
from mtl.spec import Model

Arrays = Mapping[str, Any]
"""Part of an input → its array [rows, …], or rows of different length (`mtl.data.ragged.Ragged`)."""
Tensors = dict[str, Tensor]
Held = Mapping[str, Tensor | RaggedTensor]
"""A split's tensors: rows of different length are padded in the batch only (`mtl.network.ragged.take`)."""
P = TypeVar("P", bound=InputPlan)


class Encoder(nn.Module, ABC, Generic[P]):
    """Reads one input. `forward` takes what `tensors` made, with a leading dimension [copies or 1] in front."""

    def __init__(self, plan: P, copies: int, model: Model) -> None:
        super().__init__()

    @staticmethod
    @abstractmethod
    def tensors(plan: P, arrays: Arrays | None, rows: int) -> Held:
        """Tensors [rows, …] of this input's arrays, made once and then sliced; of `None`: the input is absent.

        `present` (bool [rows]) is left out where every row has the input.
        """

    def hidden_from(self, sees: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """`tensors` without the work for copies that do not see the input (sees: bool [copies]), whose result nobody reads."""
        return tensors

    def own_rates(self) -> dict[str, float]:
        """Parameter → its own learning rate, where that is not the training's."""
        return {}

    @abstractmethod
    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Tensors [copies or 1, batch, …] → [copies, batch, member, width]."""
