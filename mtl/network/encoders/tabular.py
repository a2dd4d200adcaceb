"""Tabular input: numbers ⊕ missing indicators ⊕ embeddings of categories, then one layer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.encoders.base import Arrays, Encoder, Tensors
from mtl.network.layers import hidden
from mtl.network.plan import InputPlan
from mtl.spec import Model


class Tabular(Encoder):
    """All categorical columns share one table of embeddings, each column at its own offset."""

    offsets: Tensor

    def __init__(self, plan: InputPlan, copies: int, model: Model) -> None:
        super().__init__(plan, copies, model)
        each, codes = embedding_width(plan), sum(plan.codes)
        self.table = nn.Parameter(torch.randn(copies, codes, each) / math.sqrt(each)) if plan.codes else None
        starts = np.cumsum([0, *plan.codes[:-1]]) if plan.codes else np.zeros(0)
        self.register_buffer("offsets", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.layer = hidden(copies, 2 * plan.numeric + len(plan.codes) * each, model)

    @staticmethod
    def tensors(plan: InputPlan, arrays: Arrays | None, rows: int) -> Tensors:
        """dense float32 [rows, 2·numeric] (value, missing), codes int64 [rows, columns], present bool [rows]."""
        if arrays is None:
            dense, codes = torch.zeros(rows, 2 * plan.numeric), torch.zeros(rows, len(plan.codes), dtype=torch.int64)
            return {"dense": dense, "codes": codes, "present": torch.zeros(rows, dtype=torch.bool)}
        dense = torch.from_numpy(np.concatenate([arrays["numeric"], arrays["missing"]], axis=1, dtype=np.float32))
        made = {"dense": dense, "codes": torch.from_numpy(arrays["categorical"].astype(np.int64))}
        if not arrays["present"].all():
            made["present"] = torch.from_numpy(np.array(arrays["present"]))
        return made

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """dense [copies or 1, batch, 2·numeric], codes [copies or 1, batch, columns] → [copies, batch, 1, width]."""
        x = tensors["dense"]
        if self.table is not None:
            embedded = self._embed(self.table, tensors["codes"] + self.offsets)
            x = torch.cat([x.expand(len(embedded), -1, -1), embedded], dim=-1)
        found: Tensor = self.layer(x.unsqueeze(-2))
        return found

    @staticmethod
    def _embed(table: Tensor, codes: Tensor) -> Tensor:
        """codes [copies or 1, batch, columns] → [copies, batch, columns·each]."""
        copies, size, each = table.shape
        if copies > 1:
            codes = codes + size * torch.arange(copies, device=codes.device)[:, None, None]
        return functional.embedding(codes, table.view(copies * size, each)).flatten(-2)


def embedding_width(plan: InputPlan) -> int:
    """Width of one categorical column's embedding: as given, else from the largest number of codes (2…16)."""
    return plan.embedding or min(16, max(2, round(1.6 * max(plan.codes, default=1) ** 0.56)))
