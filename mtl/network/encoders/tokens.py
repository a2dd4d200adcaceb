"""Tokens input: each token's word, its shape and its affixes, embedded and summed; a network over them, as over a text's; one
layer. A task may read the row, pooled as a text is, or each token (`twice`)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from mtl.network.encoders.base import Arrays, Held
from mtl.network.encoders.text import Text, held_tokens
from mtl.network.input_plans import TextPlan, TokensPlan
from mtl.network.ragged import RaggedTensor
from mtl.network.sequences import Layout
from mtl.network.tokens import TokenRows
from mtl.spec import Model

PARTS = 3
"""What affixes' embeddings are smaller by at the start than words', since a word has many."""


class Tokens(Text):
    """As a text, but a token is several numbers: its word's, its shape's, its affixes'."""

    def __init__(self, plan: TokensPlan, copies: int, model: Model) -> None:
        super().__init__(plan, copies, model)
        with torch.no_grad():
            self.table[:, plan.words :] /= PARTS

    @staticmethod
    def tensors(plan: TextPlan, arrays: Arrays | None, rows: int) -> Held:
        """tokens int32 [token, numbers], of each row its own, and present bool [rows]."""
        assert isinstance(plan, TokensPlan)
        if arrays is not None:
            return held_tokens(arrays, rows)
        none = RaggedTensor(torch.zeros(0, plan.numbers, dtype=torch.int32), torch.zeros(rows + 1, dtype=torch.int64))
        return {"tokens": none, "present": torch.zeros(rows, dtype=torch.bool)}

    def _embedded(self, tokens: Tensor, table: Tensor) -> Tensor:
        """tokens [token, numbers] → [token, embedding]."""
        return functional.embedding_bag(tokens, table, mode="sum")

    def twice(self, tensors: Mapping[str, Tensor], rows: TokenRows, pools: bool) -> tuple[Tensor | None, Tensor]:
        """tokens int64 [copies or 1, batch, length, numbers] → the rows [copies, batch, member, width], where they are
        wanted, and the tokens [copies, token, member, width] of `rows`; zeros for copies that were given none."""
        tokens = tensors["tokens"]
        read, at = self._read(tokens), rows.row
        pooled = self.layer(self._pooled(read, tokens).unsqueeze(-2)) if pools else None
        if len(read) < len(tokens):  # one copy has the rows of several viewers, one behind the other
            at = at + rows.batch * torch.arange(len(at), device=at.device).unsqueeze(1)
            each = _picked(*read[0], at.flatten(), rows.place.flatten()).view(*at.shape, -1)
        else:
            own = [copy % len(at) for copy in range(len(read))]
            each = torch.stack([_picked(*one, at[i], rows.place[i]) for one, i in zip(read, own, strict=True)])
        found: Tensor = self.layer(each.unsqueeze(-2))
        return pooled, found


def _picked(layout: Layout, x: Tensor, row: Tensor, place: Tensor) -> Tensor:
    """x [token, size] of a whole batch → its tokens at these places of these rows, [token, size]; any where none stands, zeros if
    there is no token at all."""
    if not len(x):
        return x.new_zeros(len(row), x.shape[1])
    return x.index_select(0, (layout.begins.index_select(0, row) + place).clamp(max=len(x) - 1))
