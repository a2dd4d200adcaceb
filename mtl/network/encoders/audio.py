"""Audio input: log-mels of each recording, a network over its moments, pooling over its own, then one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtl.network.dropout import dropout
from mtl.network.encoders.base import Arrays, Encoder, Held
from mtl.network.input_plans import AudioPlan
from mtl.network.layers import Start, hidden
from mtl.network.ragged import LENGTH, RaggedBlocks
from mtl.network.sequences import POOLINGS, Layout, of_copies
from mtl.network.sequences.base import Weights
from mtl.network.sounds import SOUNDS, LogMel, block_size, masked
from mtl.spec import Model

SOUND = "sound"
SOUND_LENGTH = SOUND + LENGTH
Heard = tuple[Tensor, Layout]
"""Log-mels [moment, mels] of the rows of a batch that are heard, and where they lie."""


class Audio(Encoder[AudioPlan]):
    """Rows without a recording go past everything that listens: they are zeros before the last layer."""

    def __init__(self, plan: AudioPlan, copies: int, model: Model) -> None:
        super().__init__(plan, copies, model)
        self.augment = dict(plan.augment)
        changes = (self.augment.get(name, 0.0) for name in ("warp", "filter"))
        self.mels = LogMel(plan.rate, plan.mels, plan.window_ms, plan.hop_ms, *changes)
        self.network = SOUNDS[plan.network](dict(plan.options), plan.mels, copies, model.dropout)
        self.pooling = POOLINGS[plan.pooling](copies, self.network.size)
        self.layer = hidden(copies, self.network.size, model, Start((1,) * self.network.size, "signs"))
        self.dropout = model.dropout

    @staticmethod
    def tensors(plan: AudioPlan, arrays: Arrays | None, rows: int) -> Held:
        """sound int16, of each row its own number of blocks of one hop each, the last filled up with zeros; present bool [rows].

        A row without the input has no block, whatever the arrays say of it.
        """
        hop = block_size(plan.rate, plan.hop_ms)
        if arrays is None:
            none = RaggedBlocks(torch.zeros(0, hop, dtype=torch.int16), torch.zeros(rows + 1, dtype=torch.int64))
            return {SOUND: none, "present": torch.zeros(rows, dtype=torch.bool)}
        present = np.array(arrays["present"])
        sound = _in_blocks(np.asarray(arrays["samples"].values), np.asarray(arrays["samples"].offsets), present, hop)
        return {SOUND: sound} if present.all() else {SOUND: sound, "present": torch.from_numpy(present)}

    def hidden_from(self, sees: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A copy that does not see the recordings is given none."""
        return {**tensors, SOUND_LENGTH: tensors[SOUND_LENGTH] * sees.view(-1, 1)}

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """sound int16 [copies or 1, batch, longest, hop], sound_length int64 [copies or 1, batch] → [copies, batch, member, width].

        One copy takes the rows of any number of viewers.
        """
        sound, lengths = tensors[SOUND], tensors[SOUND_LENGTH]
        if self.copies == 1 < len(sound):
            pooled = self._pooled(sound.flatten(0, 1).unsqueeze(0), lengths.flatten().unsqueeze(0))
            pooled = pooled.view(*lengths.shape, self.network.size)
        else:
            pooled = self._pooled(sound, lengths)
        found: Tensor = self.layer(pooled.unsqueeze(-2))
        return found

    @property
    def copies(self) -> int:
        """As many as the weights have, also while another number of them stands in their place."""
        return len(next(self.network.parameters()))

    def _pooled(self, sound: Tensor, lengths: Tensor) -> Tensor:
        """sound and lengths → [copies, batch, size]. A GPU waits once, for the lengths."""
        copies, heard = self.copies, self._heard(sound, lengths.cpu())
        heard = heard if len(heard) == copies else heard * copies
        weights = zip(of_copies(self.network, copies), of_copies(self.pooling, copies), strict=True)
        found = [self._of_copy(*one, *own) for one, own in zip(heard, weights, strict=True)]
        return found[0].unsqueeze(0) if copies == 1 else torch.stack(found)

    def _heard(self, sound: Tensor, lengths: Tensor) -> list[Heard]:
        """What each copy hears of the batch. A row that several of them hear is listened to once."""
        wanted = lengths if len(sound) == len(lengths) else lengths.amax(0, keepdim=True)
        whole, layouts = Layout.of(wanted.flatten(), sound.device), [Layout.of(one, sound.device) for one in lengths]
        x = self._mels(whole.pack(sound.flatten(0, 1)), whole)
        if len(wanted) == len(lengths):
            return list(zip(torch.split(x, lengths.sum(1).tolist()), layouts, strict=True))
        there = wanted[0] > 0
        mine = [(one[there] > 0).repeat_interleave(wanted[0][there]).nonzero().squeeze(1).to(x.device) for one in lengths]
        return [(x.index_select(0, at), layout) for at, layout in zip(mine, layouts, strict=True)]

    def _mels(self, blocks: Tensor, layout: Layout) -> Tensor:
        """Log-mels of blocks [moment, hop], changed where the network trains."""
        if not len(blocks):
            return self.mels.window.new_zeros(0, self.mels.banks.shape[2])
        x: Tensor = self.mels(blocks, layout)
        return masked(x, layout, self.augment) if self.training and self.augment else x

    def _of_copy(self, x: Tensor, layout: Layout, network: Weights, pooling: Weights) -> Tensor:
        """What one copy hears and its weights → [batch, size]."""
        if not len(x):
            return network["weight.0"].new_zeros(layout.batch, self.network.size)
        left = Layout.of(self.network.left(layout.lengths), x.device)
        moments = dropout(self.network(x, layout, left, network), self.dropout if self.training else 0.0)
        pooled: Tensor = self.pooling(moments, left, pooling)
        return layout.spread(pooled)


def _in_blocks(
    values: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any], present: np.ndarray[Any, Any], hop: int
) -> RaggedBlocks:
    """Samples as blocks of `hop`, row by row."""
    lengths = np.diff(offsets) * present
    blocks = np.concatenate([np.zeros(1, np.int64), np.cumsum(-(-lengths // hop))])
    filled = np.zeros(int(blocks[-1]) * hop, np.int16)
    for begin, start, length in zip(blocks[:-1] * hop, offsets[:-1], lengths, strict=True):
        filled[begin : begin + length] = values[start : start + length]
    return RaggedBlocks(torch.from_numpy(filled.reshape(-1, hop)), torch.from_numpy(blocks))
