"""The loop that one would write for this very network: sliced tensors, a shared trunk, T heads, the sum of T losses."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH, read_arrays
from benchmarks.worker import Question, Work


def trunk(activation: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    """FEATURES → WIDTH, DEPTH layers."""
    sizes = [FEATURES, *[WIDTH] * DEPTH]
    return nn.Sequential(*[part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), activation())])


def masked_losses(outputs: list[Tensor], y: Tensor, mask: Tensor) -> list[Tensor]:
    """Mean squared error of each task over its own labels; y and mask [batch, task], outputs [batch] each."""
    totals = [((out - y[:, t]) ** 2 * mask[:, t]).sum() for t, out in enumerate(outputs)]
    return [total / mask[:, t].sum().clamp(min=1) for t, total in enumerate(totals)]


class Ready(NamedTuple):
    """What a loop by hand begins with: x [row, feature], y and mask [row, task], a trunk, a head a task."""

    x: Tensor
    y: Tensor
    mask: Tensor
    shared: nn.Sequential
    heads: nn.ModuleList
    optimizer: torch.optim.Optimizer


def ready(question: Question) -> Ready:
    torch.set_num_threads(question["threads"])
    torch.manual_seed(0)
    arrays = read_arrays(question["work"])
    x, y, mask = torch.from_numpy(arrays.x), torch.from_numpy(arrays.y), torch.from_numpy(arrays.labelled).float()
    shared, heads = trunk(), nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(y.shape[1]))
    optimizer = torch.optim.AdamW([*shared.parameters(), *heads.parameters()], lr=1e-3, fused=True)
    return Ready(x, y, mask, shared, heads, optimizer)


def start(question: Question) -> Work:
    x, y, mask, shared, heads, optimizer = ready(question)

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            h = shared(x[rows])
            losses = masked_losses([head(h).squeeze(1) for head in heads], y[rows], mask[rows])
            torch.stack(losses).sum().backward()
            optimizer.step()

    return epoch
