"""The loop: one epoch of steps on train, one pass over valid. Read from the top."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mtl.balancing import Meeting
from mtl.network import Network
from mtl.training.batches import Batch, Store, joint, own, steps
from mtl.training.clipping import clip
from mtl.training.devices import autocast, seed_epoch
from mtl.training.run import Run

VALID_ROWS = 8192
"""Rows of one valid batch, over all copies."""


@dataclass(frozen=True)
class Losses:
    """each: [step, task] sum of losses over labels; labels: [step, task]. Both on the CPU."""

    each: Tensor
    labels: Tensor

    @property
    def mean(self) -> list[float | None]:
        """Of each task: the mean over all its labels; None without a label."""
        total, labels = self.each.double().sum(0), self.labels.double().sum(0)
        return [float(t / n) if n else None for t, n in zip(total, labels, strict=True)]


def train_epoch(run: Run, train: Store, count: int) -> Losses:
    """`count` steps over all rows, in an order that seed and epoch decide."""
    generator = seed_epoch(run.training.seed, run.epoch)
    run.network.train()
    deal = own if run.network.body.own_rows else joint
    shared = run.network.shared_parameters()
    noted = []
    for rows in deal(train.mask, count, generator):
        batch = train.batch(rows)
        with autocast(run.network.device, run.training.precision):
            outputs = run.network(batch.inputs)
        sums = run.network.losses(outputs, batch.targets, batch.mask)
        labels = batch.mask.sum(1)  # a task's loss is the mean over its own labels; one without labels has no say
        run.optimizer.zero_grad()
        run.balancing.backward(sums / labels.clamp(min=1), labels > 0, Meeting(shared, outputs.shared.meeting))
        if run.training.clip is not None:
            clip(run.network, run.training.clip)
        run.optimizer.step()
        noted.append((sums.detach(), labels))
    return _gathered(noted)


@torch.inference_mode()
def valid_losses(run: Run, valid: Store) -> Losses:
    """Each task's loss over its labels of the split, without dropout."""
    run.network.eval()
    noted = []
    for rows in _valid_rows(run.network, valid):
        batch = valid.batch(rows)
        with autocast(run.network.device, run.training.precision):
            outputs = run.network(batch.inputs)
        noted.append((run.network.losses(outputs, batch.targets, batch.mask), batch.mask.sum(1)))
    return _gathered(noted)


def train_steps(network: Network, train: Store, optimizer: str, batch_size: int) -> int:
    """Steps of one epoch: one with full-batch descent; else as many as its rows, or its richest task's labels, ask for."""
    if optimizer == "full_batch":
        return 1
    labels = train.mask.sum(1).max() if network.body.own_rows else train.mask.any(0).sum()
    return steps(int(labels), batch_size)


def _valid_rows(network: Network, valid: Store) -> list[Tensor]:
    own_rows = network.body.own_rows
    most = int(valid.mask.sum(1).max()) * len(valid.mask) if own_rows else int(valid.mask.any(0).sum())
    count = max(1, -(-most // VALID_ROWS))
    return list((own if own_rows else joint)(valid.mask, count, None))


def _gathered(noted: list[tuple[Tensor, Tensor]]) -> Losses:
    return Losses(torch.stack([sums for sums, _ in noted]).cpu(), torch.stack([labels for _, labels in noted]).cpu())


__all__ = ["Batch", "Losses", "train_epoch", "train_steps", "valid_losses"]
