"""Text input: an embedding a token, a network over the tokens, pooling over each row's own, then one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
        """tokens int32, of each row its own number, and present bool [rows].

        A row without the input has no tokens, whatever the arrays say of it.
        """
        if arrays is None:
            none = RaggedTensor(torch.zeros(0, dtype=torch.int32), torch.zeros(rows + 1, dtype=torch.int64))
            return {"tokens": none, "present": torch.zeros(rows, dtype=torch.bool)}
        values, offsets = np.asarray(arrays["tokens"].values), np.asarray(arrays["tokens"].offsets)
        present = np.array(arrays["present"])
        if present.all():
            return {"tokens": _ragged(values, offsets)}
        lengths = np.diff(offsets)
        values, offsets = values[np.repeat(present, lengths)], np.append(0, np.cumsum(lengths * present))
        return {"tokens": _ragged(values, offsets), "present": torch.from_numpy(present)}

    def hidden_from(self, sees: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A copy that does not see the text is given no token, and so passes the network over tokens by."""
        return {**tensors, "tokens": tensors["tokens"] * sees.view(-1, 1, 1)}

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """tokens int64 [copies or 1, batch, length], padding behind each row's end → [copies, batch, member, width].

        One copy takes the rows of any number of viewers.
        """
        tokens = tensors["tokens"]
        if len(self.table) == 1 < len(tokens):
            pooled = self._pooled(tokens.flatten(0, 1).unsqueeze(0)).view(*tokens.shape[:2], self.network.size)
        else:
            pooled = self._pooled(tokens)
        found: Tensor = self.layer(pooled.unsqueeze(-2))
        return found

    def _pooled(self, tokens: Tensor) -> Tensor:
        """tokens [copies or 1, batch, length] → [copies, batch, size]. A GPU waits once, for the lengths."""
        copies = len(self.table)
        layouts = [Layout.of(lengths, tokens.device) for lengths in (tokens != PADDING).sum(-1).cpu()]
        read = [(layout, layout.pack(rows)) for layout, rows in zip(layouts, tokens, strict=True)]
        read = read if len(read) == copies else read * copies
        weights = zip(split(self.table), of_copies(self.network, copies), of_copies(self.pooling, copies), strict=True)
        found = [self._of_copy(layout, packed, *own) for (layout, packed), own in zip(read, weights, strict=True)]
        return found[0].unsqueeze(0) if copies == 1 else torch.stack(found)

    def _of_copy(self, layout: Layout, tokens: Tensor, table: Tensor, network: Weights, pooling: Weights) -> Tensor:
        """tokens [token] and one copy's weights → [batch, size]."""
        if not len(tokens):
            return table.new_zeros(layout.batch, self.network.size)
        x = dropout(functional.embedding(tokens, table), self.dropout if self.training else 0.0)
        pooled: Tensor = self.pooling(self.network(x, layout, network), layout, pooling)
        return layout.spread(pooled)


def _ragged(values: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> RaggedTensor:
    """A copy, since arrays on disk cannot be written to and torch asks for such that can."""
    return RaggedTensor(torch.from_numpy(values.astype(np.int32)), torch.from_numpy(offsets.astype(np.int64)))
