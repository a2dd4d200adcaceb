"""TorchJD, as its multi-task example uses it: `mtl_backward` on the losses and the shared features, then `jac_to_grad`.

The tensors are sliced as in the hand-written loop, so that what differs is TorchJD's own part.
"""

from __future__ import annotations

import torch
from torchjd import aggregation
from torchjd.autojac import jac_to_grad, mtl_backward

from benchmarks.speed.by_hand import masked_losses, ready
from benchmarks.work import BATCH
from benchmarks.worker import Question, Work


def start(question: Question) -> Work:
    x, y, mask, shared, heads, optimizer = ready(question)
    aggregator = getattr(aggregation, question["method"])()

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(BATCH):
            h = shared(x[rows])
            losses = masked_losses([head(h).squeeze(1) for head in heads], y[rows], mask[rows])
            mtl_backward(losses, features=h)
            jac_to_grad(shared.parameters(), aggregator)
            optimizer.step()
            optimizer.zero_grad()

    return epoch
