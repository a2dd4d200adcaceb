"""Vector input: standardised numbers, or bits as 0 and 1, then one layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mtl.network.encoders.base import Arrays, Encoder, Held
from mtl.network.input_plans import VectorPlan
from mtl.network.layers import Start, hidden
from mtl.spec import Model


class Vector(Encoder[VectorPlan]):
    """No number of a vector is missing alone, so there are no indicators."""

    def __init__(self, plan: VectorPlan, copies: int, model: Model) -> None:
        super().__init__(plan, copies, model)
        self.layer = hidden(copies, plan.size, model, Start((1,) * plan.size, "signs"))

    @staticmethod
    def tensors(plan: VectorPlan, arrays: Arrays | None, rows: int) -> Held:
        """numbers float32 [rows, size], zeros where absent; present bool [rows]."""
        if arrays is None:
            return {"numbers": torch.zeros(rows, plan.size), "present": torch.zeros(rows, dtype=torch.bool)}
        numbers = torch.from_numpy(np.array(arrays["numeric"], np.float32))
        if arrays["present"].all():
            return {"numbers": numbers}
        return {"numbers": numbers, "present": torch.from_numpy(np.array(arrays["present"]))}

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """numbers [copies or 1, batch, size] → [copies, batch, member, width]."""
        found: Tensor = self.layer(tensors["numbers"].unsqueeze(-2))
        return found
