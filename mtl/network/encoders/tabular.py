"""Tabular input: numbers (or their embeddings) ⊕ missing indicators ⊕ embeddings of categories, then one layer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.encoders.base import Arrays, Encoder, Held, Tensors
from mtl.network.encoders.bins import PiecewiseLinear
from mtl.network.input_plans import TabularPlan
from mtl.network.layers import Start, hidden
from mtl.spec import Model


class Tabular(Encoder[TabularPlan]):
    """All categorical columns share one table of embeddings, each column at its own offset."""

    offsets: Tensor
    place: Tensor
    """int64 [number]: the place of its indicator; behind the last where it has none."""

    def __init__(self, plan: TabularPlan, copies: int, model: Model) -> None:
        super().__init__(plan, copies, model)
        each, codes = embedding_width(plan), sum(plan.codes)
        self.table = nn.Parameter(torch.randn(copies, codes, each) / math.sqrt(each)) if plan.codes else None
        starts = np.cumsum([0, *plan.codes[:-1]]) if plan.codes else np.zeros(0)
        self.register_buffer("offsets", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.numbers = PiecewiseLinear(plan.bins, model.bin_width, copies) if plan.bins else None
        self.numeric, gaps = plan.numeric, plan.indicated
        place = [gaps.index(i) if i in gaps else len(gaps) for i in range(plan.numeric)]
        self.register_buffer("place", torch.tensor(place, dtype=torch.int64), persistent=False)
        chunks = ((model.bin_width if plan.bins else 1,) * plan.numeric, (1,) * len(gaps), (each,) * len(plan.codes))
        start = Start(sum(chunks, ()), "normal" if plan.bins else "signs")
        self.layer = hidden(copies, sum(start.chunks), model, start)

    @staticmethod
    def tensors(plan: TabularPlan, arrays: Arrays | None, rows: int) -> Held:
        """dense float32 [rows, numbers + indicators] (values, missing), codes int64 [rows, columns], present bool [rows].

        A row without the input holds zeros, whatever the arrays say of it.
        """
        gaps = plan.indicated
        if arrays is None:
            dense, codes = torch.zeros(rows, plan.numeric + len(gaps)), torch.zeros(rows, len(plan.codes), dtype=torch.int64)
            return {"dense": dense, "codes": codes, "present": torch.zeros(rows, dtype=torch.bool)}
        dense = torch.from_numpy(np.concatenate([arrays["numeric"], arrays["missing"][:, gaps]], axis=1, dtype=np.float32))
        made: Tensors = {"dense": dense, "codes": torch.from_numpy(arrays["categorical"].astype(np.int64))}
        if not arrays["present"].all():
            made["present"] = torch.from_numpy(np.array(arrays["present"]))
            for held in (made["dense"], made["codes"]):
                held[~made["present"]] = 0
        return made

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """dense [copies or 1, batch, numbers + indicators], codes [copies or 1, batch, column] → [copies, batch, member, width]."""
        x = tensors["dense"]
        if self.numbers is not None:
            values, missing = x.tensor_split([self.numeric], dim=-1)
            embedded = self.numbers(values, functional.pad(missing, (0, 1)).index_select(-1, self.place))
            x = torch.cat([embedded, missing.expand(len(embedded), -1, -1)], dim=-1)
        if self.table is not None:
            embedded = self._embed(self.table, tensors["codes"] + self.offsets)
            x = torch.cat([x.expand(len(embedded), -1, -1), embedded], dim=-1)
        found: Tensor = self.layer(x.unsqueeze(-2))
        return found

    @staticmethod
    def _embed(table: Tensor, codes: Tensor) -> Tensor:
        """codes [copies or 1, batch, columns] → [copies, batch, columns·each]."""
        copies, size = table.shape[:2]
        if copies > 1:
            codes = codes + size * torch.arange(copies, device=codes.device)[:, None, None]
        return functional.embedding(codes, table.flatten(0, 1)).flatten(-2)


def embedding_width(plan: TabularPlan) -> int:
    """Width of one categorical column's embedding: as given, else from the largest number of codes (2…16)."""
    return plan.embedding or min(16, max(2, round(1.6 * max(plan.codes, default=1) ** 0.56)))
