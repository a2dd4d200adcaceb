"""TorchJD, as its multi-task example uses it: `mtl_backward` on the losses and the shared features, then `jac_to_grad`.

The tensors are sliced as in the hand-written loop, so that what differs is TorchJD's own part.
"""

from __future__ import annotations

import torch
from torch import nn
from torchjd import aggregation
from torchjd.autojac import jac_to_grad, mtl_backward

from benchmarks.speed.by_hand import masked_losses, trunk
from benchmarks.work import BATCH, WIDTH, read_arrays
from benchmarks.worker import Question, Work


def start(question: Question) -> Work:
    torch.set_num_threads(question["threads"])
    torch.manual_seed(0)
    arrays = read_arrays(question["work"])
    x, y, mask = torch.from_numpy(arrays.x), torch.from_numpy(arrays.y), torch.from_numpy(arrays.labelled).float()
    shared, heads = trunk(), nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(y.shape[1]))
    optimizer = torch.optim.AdamW([*shared.parameters(), *heads.parameters()], lr=1e-3, fused=True)
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
