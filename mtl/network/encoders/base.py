"""What every encoder offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from mtl.network.plan import InputPlan
from mtl.spec import Model

Arrays = Mapping[str, np.ndarray[Any, Any]]
Tensors = dict[str, Tensor]


class Encoder(nn.Module, ABC):
    """Reads one input. `forward` takes what `tensors` made, with a leading dimension [copies or 1] in front."""

    def __init__(self, plan: InputPlan, copies: int, model: Model) -> None:
        super().__init__()

    @staticmethod
    @abstractmethod
    def tensors(plan: InputPlan, arrays: Arrays | None, rows: int) -> Tensors:
        """Tensors [rows, …] of this input's arrays, made once and then sliced; of `None`: the input is absent.

        `present` (bool [rows]) is left out where every row has the input.
        """

    @abstractmethod
    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Tensors [copies or 1, batch, …] → [copies, batch, member, width]."""
