"""Image input: pixels standardised, a network over each picture, then one layer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mtl.network.encoders.base import Arrays, Encoder, Held
from mtl.network.input_plans import ImagePlan
from mtl.network.layers import Start, hidden
from mtl.network.pictures import PICTURES, shaken
from mtl.network.ragged import FILLED
from mtl.network.sequences import of_copies
from mtl.network.sequences.base import Weights
from mtl.spec import Model

TOGETHER = 1 << 20
"""Pixels that a network looks at together, where nothing is learned from them."""
Seen = tuple[Tensor, Tensor | None]
"""Pictures [picture, channels, height, width] as the network reads them, and which rows of the batch have them (None: all)."""


class Image(Encoder[ImagePlan]):
    """Rows without a picture go past the network: they are zeros before the last layer."""

    mean: Tensor
    std: Tensor

    def __init__(self, plan: ImagePlan, copies: int, model: Model) -> None:
        super().__init__(plan, copies, model)
        self.augment = dict(plan.augment)
        for name, each in (("mean", plan.mean), ("std", plan.std)):
            self.register_buffer(name, torch.tensor(each).view(-1, 1, 1), persistent=False)
        self.network = PICTURES[plan.network](plan, copies)
        self.layer = hidden(copies, self.network.size, model, Start((1,) * self.network.size, "signs"))

    def own_rates(self) -> dict[str, float]:
        return {f"network.{name}": rate for name, rate in self.network.own_rates().items()}

    @staticmethod
    def tensors(plan: ImagePlan, arrays: Arrays | None, rows: int) -> Held:
        """pixels uint8 [rows, height, width, channels], on a CPU the very array, also of a file; present bool [rows]."""
        if arrays is None:
            nothing = torch.zeros(1, *plan.size, len(plan.mean), dtype=torch.uint8).expand(rows, -1, -1, -1)
            return {"pixels": nothing, "present": torch.zeros(rows, dtype=torch.bool)}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nobody writes to it
            pixels = torch.from_numpy(np.asarray(arrays["pixels"]))
        present = np.array(arrays["present"])
        return {"pixels": pixels} if present.all() else {"pixels": pixels, "present": torch.from_numpy(present)}

    def hidden_from(self, sees: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """For a copy that does not see the pictures no row has one."""
        batch = tensors["pixels"].shape[1]
        present = tensors.get("present", torch.ones(1, batch, dtype=torch.bool, device=sees.device))
        return {**tensors, "present": present & sees.view(-1, 1)}

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """pixels uint8 [copies or 1, batch, height, width, channels], present bool [copies or 1, batch] → [copies, batch, member,
        width]. One copy takes the rows of any number of viewers. What no row fills counts as without a picture."""
        pixels, present = tensors["pixels"], tensors.get("present")
        if (filled := tensors.get(FILLED)) is not None:
            present = filled if present is None else filled & present
        copies, batch = len(next(self.network.parameters())), pixels.shape[1]
        if copies == 1 < len(pixels):
            seen = [self._seen(pixels.flatten(0, 1), None if present is None else present.flatten())]
        elif len(pixels) == 1:
            seen = self._alike(pixels.squeeze(0), present, copies)
        else:
            own = [None] * copies if present is None else present.expand(copies, -1).unbind()
            seen = [self._seen(*one) for one in zip(pixels.unbind(), own, strict=True)]
        rows = batch * (len(pixels) if copies == 1 else 1)
        found = [self._of_copy(*one, rows, own) for one, own in zip(seen, of_copies(self.network, copies), strict=True)]
        read = found[0].view(-1, batch, self.network.size) if copies == 1 else torch.stack(found)
        made: Tensor = self.layer(read.unsqueeze(-2))
        return made

    def _seen(self, pixels: Tensor, present: Tensor | None) -> Seen:
        """What there is to see in pixels [row, height, width, channels]; changed, where the network trains. A GPU waits once."""
        there = None if present is None else present.nonzero().squeeze(1)
        there = None if there is None or len(there) == len(pixels) else there
        shown = pixels if there is None else pixels.index_select(0, there)
        x = (shown.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return (shaken(x, self.augment) if self.training and len(x) else x), there

    def _alike(self, pixels: Tensor, present: Tensor | None, copies: int) -> list[Seen]:
        """The same of copies that have one batch: what several of them see is the same for all of these."""
        if present is None or len(present) == 1:
            return [self._seen(pixels, None if present is None else present.squeeze(0))] * copies
        x, there = self._seen(pixels, present.any(0))
        known = present if there is None else present.index_select(1, there)
        mine = [of_copy.nonzero().squeeze(1) for of_copy in known]
        return [(x.index_select(0, at), at if there is None else there.index_select(0, at)) for at in mine]

    def _of_copy(self, x: Tensor, there: Tensor | None, batch: int, weights: Weights) -> Tensor:
        """What one copy sees and its weights → [batch, size], zeros for rows without a picture."""
        if not len(x):
            return x.new_zeros(batch, self.network.size)
        whole = torch.is_grad_enabled()
        parts = [x] if whole else torch.split(x, max(1, TOGETHER // (x.shape[2] * x.shape[3])))
        found = torch.cat([self.network(part, weights) for part in parts]) if len(parts) > 1 else self.network(x, weights)
        return found if there is None else found.new_zeros(batch, found.shape[1]).index_copy(0, there, found)
