"""One stack of layers, from inputs to the last hidden layer, in one or more copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from mtl.network.encoders import ENCODERS, Encoder
from mtl.network.encoders.tokens import Tokens
from mtl.network.fusion import FUSIONS
from mtl.network.layers import hidden, uniform
from mtl.network.plan import Plan
from mtl.network.tokens import Reading
from mtl.spec import Model


class Sight(nn.Module):
    """Encodes all inputs, hides from each viewer what it may not see, and fuses the rest.

    A hidden or absent input is replaced by a learned vector of its own, so not one bit of it gets further. Viewers are
    as many as copies, or one copy serves them all, or each copy serves equally many, those that follow each other: these
    then go through it as one longer batch.
    """

    sees: Tensor

    def __init__(self, plan: Plan, model: Model, copies: int, viewers: Sequence[frozenset[str]]) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({one.name: ENCODERS[one.kind](one, copies, model) for one in plan.inputs})
        self.absent = nn.Parameter(uniform(1, copies, len(plan.inputs), model.width))
        several = len(plan.inputs) > 1
        self.fusion = FUSIONS[model.fusion](copies, len(plan.inputs), model) if several else None
        sees = torch.tensor(plan.sees(viewers)).reshape(len(viewers), len(plan.inputs))
        self.register_buffer("sees", sees, persistent=False)
        self._sees_all = [bool(sees[:, i].all()) for i in range(len(plan.inputs))]
        self.copies, self.each = copies, len(viewers) // copies if copies > 1 else 1

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
        """→ [viewer, batch, member, width]; [copy, viewers of one · batch, member, width] where copies serve several."""
        found = [self._shown(i, *read) for i, read in enumerate(self._read(inputs))]
        if self.fusion is None:
            return found[0]
        viewers = max(len(one) for one in found)
        stacked = torch.stack([one.expand(viewers, -1, -1, -1) for one in found], dim=-2)
        fused: Tensor = self.fusion(stacked if self.each == 1 else stacked.reshape(self.copies, -1, *stacked.shape[2:]))
        return fused

    def _read(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> list[tuple[Tensor, Tensor | None]]:
        """Of each input [copies, batch, member, width] and which rows have it, [copies or 1, batch] (None: all); where a
        `Reading` asks for tokens, both of these instead of rows."""
        present = [inputs[name].get("present") for name in self.encoders]
        if not isinstance(inputs, Reading):
            return [(self._encoded(i, name, inputs[name]), there) for (i, name), there in zip(enumerate(self.encoders), present)]
        encoded = inputs.once(self, lambda: [self._twice(i, name, inputs) for i, name in enumerate(self.encoders)])
        if inputs.tokens is None:
            return [(of_rows, there) for (of_rows, _), there in zip(encoded, present, strict=True)]
        pick = inputs.rows[inputs.tokens].pick
        return [
            (of_tokens, None) if name == inputs.tokens else (pick(of_rows), there if there is None else pick(there))
            for name, (of_rows, of_tokens), there in zip(self.encoders, encoded, present, strict=True)
        ]

    def _encoded(self, i: int, name: str, tensors: Mapping[str, Tensor]) -> Tensor:
        """[copies, batch, member, width]"""
        encoded: Tensor = self.encoders[name](self._needed(i, name, tensors))
        return encoded

    def _twice(self, i: int, name: str, inputs: Reading) -> tuple[Tensor | None, Tensor | None]:
        """The same and, of an input that is tagged, its tokens [copies, token, member, width]; None for what nobody reads."""
        encoder = self.encoders[name]
        if name not in inputs.rows:
            return self._encoded(i, name, inputs[name]), None
        assert isinstance(encoder, Tokens)
        return encoder.twice(self._needed(i, name, inputs[name]), inputs.rows[name], inputs.pools)

    def _needed(self, i: int, name: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A copy whose one viewer does not see the input need not encode it."""
        encoder = cast("Encoder[Any]", self.encoders[name])
        blind = self.copies > 1 and self.each == 1 and not self._sees_all[i]
        return encoder.hidden_from(self.sees[:, i], tensors) if blind else tensors

    def _shown(self, i: int, encoded: Tensor, present: Tensor | None) -> Tensor:
        """encoded [copies, batch, member, width], or the absent-vector where a viewer does not see the input."""
        absent = self.absent[:, None, None, i].to(encoded.dtype)
        if self.each > 1:
            encoded, absent = (x.repeat_interleave(self.each, 0) for x in (encoded, absent))
        if present is None and self._sees_all[i]:
            return encoded
        if present is not None and self._sees_all[i]:  # rows without the input hold zeros, never anything to hide
            there = present.to(encoded.dtype)[:, :, None, None]
            return encoded * there + absent * (1 - there)  # a fifth of the time of `where`
        shown = self.sees[:, i, None]
        shown = shown if present is None else shown & present
        return torch.where(shown[:, :, None, None], encoded, absent)


class Branch(nn.ModuleList):
    """Sight, then `depth − 1` layers: `depth` hidden layers in all. Each item takes the item before's result."""

    def __init__(self, plan: Plan, model: Model, copies: int, viewers: Sequence[frozenset[str]]) -> None:
        layers = [hidden(copies, model.width, model) for _ in range(model.depth - 1)]
        super().__init__([Sight(plan, model, copies, viewers), *layers])

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
        """→ [viewer, batch, member, width]."""
        sight, *layers = self
        x: Tensor = sight(inputs)
        for layer in layers:
            x = layer(x)
        return x
