"""Text input: an embedding a token, a network over the tokens, pooling over each row's own, then one layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.dropout import dropout
from mtl.network.encoders.base import Arrays, Encoder, Held
from mtl.network.input_plans import TextPlan
from mtl.network.layers import Start, hidden
from mtl.network.ragged import PADDING, RaggedTensor
from mtl.network.sequences import POOLINGS, SEQUENCES, Layout, of_copies
from mtl.network.sequences.base import Weights, split
from mtl.spec import Model

START = 0.1
"""Spread of the token embeddings before training: those of rare tokens stay about where they begin, and from 1, torch's own, they
are noise as large as what is learned."""


class Text(Encoder[TextPlan]):
    """Rows without tokens go past the network over tokens: they are zeros before the last layer."""

    def __init__(self, plan: TextPlan, copies: int, model: Model) -> None:
        """Raises ValueError, in words, where the options of the network do not fit each other."""
        super().__init__(plan, copies, model)
        options = dict(plan.options)
        self.table = nn.Parameter(START * torch.randn(copies, plan.vocabulary, int(options["embedding"])))
        self.network = SEQUENCES[plan.network](options, copies, model.dropout)
        self.pooling = POOLINGS[plan.pooling](copies, self.network.size)
        self.layer = hidden(copies, self.network.size, model, Start((1,) * self.network.size, "signs"))
        self.dropout = model.dropout

    @staticmethod
    def tensors(plan: TextPlan, arrays: Arrays | None, rows: int) -> Held:
        return held_tokens(arrays, rows)

    def hidden_from(self, sees: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A copy that does not see the text is given no token, and so passes the network over tokens by."""
        tokens = tensors["tokens"]
        return {**tensors, "tokens": tokens * sees.view(-1, *[1] * (tokens.dim() - 1))}

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """tokens int64 [copies or 1, batch, length], padding behind each row's end → [copies, batch, member, width].

        One copy takes the rows of any number of viewers.
        """
        tokens = tensors["tokens"]
        found: Tensor = self.layer(self._pooled(self._read(tokens), tokens).unsqueeze(-2))
        return found

    def _read(self, tokens: Tensor) -> list[tuple[Layout, Tensor]]:
        """tokens [copies or 1, batch, length, …] → of each copy where its tokens lie, and what they become in their rows,
        [token, size]. A GPU waits once, for the lengths."""
        copies = len(self.table)
        rows = tokens.flatten(0, 1).unsqueeze(0) if copies == 1 < len(tokens) else tokens
        there = rows.flatten(3)[..., 0] if rows.dim() > 3 else rows
        layouts = [Layout.of(lengths, tokens.device) for lengths in (there != PADDING).sum(-1).cpu()]
        packed = [(layout, layout.pack(own)) for layout, own in zip(layouts, rows, strict=True)]
        packed = packed if len(packed) == copies else packed * copies
        weights = zip(split(self.table), of_copies(self.network, copies), strict=True)
        return [(layout, self._of_copy(layout, own, *theirs)) for (layout, own), theirs in zip(packed, weights, strict=True)]

    def _of_copy(self, layout: Layout, tokens: Tensor, table: Tensor, network: Weights) -> Tensor:
        """tokens [token, …] and one copy's weights → [token, size]."""
        if not len(tokens):
            return table.new_zeros(0, self.network.size)
        x = dropout(self._embedded(tokens, table), self.dropout if self.training else 0.0)
        found: Tensor = self.network(x, layout, network)
        return found

    def _embedded(self, tokens: Tensor, table: Tensor) -> Tensor:
        """tokens [token] → [token, embedding]."""
        return functional.embedding(tokens, table)

    def _pooled(self, read: list[tuple[Layout, Tensor]], tokens: Tensor) -> Tensor:
        """What `_read` gave of `tokens` → [copies, batch, size]; of one copy with the rows of several viewers [viewer, …]."""
        weights = of_copies(self.pooling, len(read))
        found = [self._of_row(*one, own) for one, own in zip(read, weights, strict=True)]
        return found[0].view(*tokens.shape[:2], self.network.size) if len(found) == 1 else torch.stack(found)

    def _of_row(self, layout: Layout, x: Tensor, pooling: Weights) -> Tensor:
        """x [token, size] and one copy's weights → [batch, size]."""
        return layout.spread(self.pooling(x, layout, pooling)) if len(x) else x.new_zeros(layout.batch, self.network.size)


def held_tokens(arrays: Arrays | None, rows: int) -> Held:
    """tokens int32, of each row its own number, and present bool [rows].

    A row without the input has no tokens, whatever the arrays say of it.
    """
    if arrays is None:
        none = RaggedTensor(torch.zeros(0, dtype=torch.int32), torch.zeros(rows + 1, dtype=torch.int64))
        return {"tokens": none, "present": torch.zeros(rows, dtype=torch.bool)}
    values, offsets = np.asarray(arrays["tokens"].values), np.asarray(arrays["tokens"].offsets)
    present = np.array(arrays["present"])
    if present.all():
        return {"tokens": RaggedTensor.of(values, offsets)}
    lengths = np.diff(offsets)
    values, offsets = values[np.repeat(present, lengths)], np.append(0, np.cumsum(lengths * present))
    return {"tokens": RaggedTensor.of(values, offsets), "present": torch.from_numpy(present)}
