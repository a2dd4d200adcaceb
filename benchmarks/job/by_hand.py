"""The whole job as one would write it by hand: Polars reads, NumPy splits and scales, slices train, RMSE on test. The floor."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
import torch._dynamo  # torch's optimizers import it at their first step: an import, not the job
from torch import nn

from benchmarks.speed.by_hand import masked_losses, trunk
from benchmarks.work import BATCH, FEATURES, WIDTH
from benchmarks.worker import Question, Work


def start(question: Question) -> Work:
    torch.set_num_threads(question["threads"])
    torch.manual_seed(0)
    tasks = question["tasks"]

    def job() -> dict[str, float]:
        frame = pl.read_parquet(question["table"])
        x = frame.select(f"x{i}" for i in range(FEATURES)).to_numpy()
        y = frame.select(f"y{i}" for i in range(tasks)).to_numpy()
        order = np.random.default_rng(0).permutation(len(x))
        train, test = order[: int(0.7 * len(x))], order[int(0.8 * len(x)) :]
        mean, std = y[train].mean(0), y[train].std(0)
        rows = torch.from_numpy(((x - x[train].mean(0)) / x[train].std(0)).astype(np.float32))
        targets = torch.from_numpy(((y - mean) / std).astype(np.float32))
        shared, heads = trunk(), nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(tasks))
        optimizer = torch.optim.AdamW([*shared.parameters(), *heads.parameters()], lr=1e-3, fused=True)
        for batch in torch.from_numpy(train).split(BATCH):
            optimizer.zero_grad()
            h = shared(rows[batch])
            outputs = [head(h).squeeze(1) for head in heads]
            torch.stack(masked_losses(outputs, targets[batch], torch.ones(len(batch), tasks))).sum().backward()
            optimizer.step()
        with torch.inference_mode():
            h = shared(rows[test])
            off = torch.cat([head(h) for head in heads], 1) - targets[test]
        return {f"y{t}": float((off[:, t] ** 2).mean().sqrt() * std[t]) for t in range(tasks)}

    return job
