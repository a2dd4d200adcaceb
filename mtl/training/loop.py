"""The loop: one epoch of steps on train, one pass over valid. Read from the top."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl.network import Network, Outputs
from mtl.network.heads import HEADS
from mtl.network.ragged import rows_at_once
from mtl.training.batches import Batch, Store
from mtl.training.clipping import clip
from mtl.training.dealing import joint, own, steps
from mtl.training.devices import autocast, drawn_again, draws, seed_epoch
from mtl.training.distillation import taught
from mtl.training.meeting import Meetings
from mtl.training.regularizers import add_penalty
from mtl.training.relating import watch
from mtl.training.run import Run
from mtl.training.samplers import PROPORTIONAL, SAMPLERS, Asked

VALID_ROWS = 8192
"""Rows of one valid batch, over all copies and members."""


@dataclass(frozen=True)
class Losses:
    """each: [step, task] sum of losses over labels; labels: [step, task], those that count. Both on the CPU."""

    each: Tensor
    labels: Tensor

    @property
    def mean(self) -> list[float | None]:
        """Of each task: the mean over all its labels; None without a label."""
        total, labels = self.each.double().sum(0), self.labels.double().sum(0)
        return [float(t / n) if n else None for t, n in zip(total, labels, strict=True)]

    @property
    def counts(self) -> list[int]:
        """Of each task: its labels that count, each as often as it came."""
        return [int(labels) for labels in self.labels.double().sum(0)]


def train_epoch(run: Run, train: Store, count: int) -> Losses:
    """`count` steps over the rows that the sampler takes, in an order that seed and epoch decide."""
    generator = seed_epoch(run.training.seed, run.epoch)
    run.network.train()
    run.balancing.start_epoch(run.epoch)
    meetings = Meetings(run.network)
    numbered = enumerate(_dealt(run, train, count, generator), (run.epoch - 1) * count)
    with meetings.traced(run.balancing.traces or (run.tracker is not None and run.tracker.at == "parameters")):
        return _gathered([_step(run, train.batch(rows), meetings, number) for number, rows in numbered])


def _dealt(run: Run, train: Store, count: int, generator: torch.Generator) -> Iterable[Tensor]:
    """The rows of each step of this epoch; samplers know nothing of rows that are alike: the spec refuses them beside those."""
    training, tasks = run.training, run.network.plan.tasks
    alike = {t: train.identity(t) for t, task in enumerate(tasks) if HEADS[task.kind].together}
    if run.network.body.own_rows:
        return own(train.dealt, count, generator, train.lengths, alike)
    if training.sampler == PROPORTIONAL:
        turn = list(alike.values())[run.epoch % len(alike)] if alike else None  # a row can have one partner only
        return joint(train.dealt, count, generator, train.lengths, turn)
    weights = [task.weight for task in tasks]
    asked = Asked(train.units, weights, training.temperature, training.seed, run.epoch, count, generator, train.lengths)
    return (rows.to(train.mask.device) for rows in SAMPLERS[training.sampler](asked))


def _step(run: Run, batch: Batch, meetings: Meetings, number: int) -> tuple[Tensor, Tensor]:
    """Step `number` of the run, on this batch: each task's loss before it, summed over labels, and its labels, [task]."""
    device, back = run.network.device, run.balancing.looks_back
    masks = draws(device) if back else []
    outputs, sums = _losses(run, batch, meetings.forward)
    labels = _in_mean(run.network, batch).sum(1)
    losses, present = _asked(run, batch, outputs, sums, labels)
    run.optimizer.zero_grad()
    if outputs.shared.penalty is not None:  # the sharing's own wish, no task's: added without balancing
        outputs.shared.penalty.backward(retain_graph=True)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    meeting = meetings(outputs)
    watch(run, number, losses, present, meeting)
    run.balancing.backward(losses, present, meeting)
    add_penalty(run.network, run.training)
    if run.training.clip is not None:
        clip(run.network, run.training.clip)
    run.optimizer.step()
    if back:
        with torch.no_grad(), drawn_again(device, masks):  # the same rows under the same dropout: all that differs is the step
            run.balancing.after_step(_asked(run, batch, *_losses(run, batch), labels)[0], present)
    return sums.detach(), labels


def _in_mean(network: Network, batch: Batch) -> Tensor:
    """Which labels of the batch have a say in their task's mean, [task, batch] as its mask."""
    found = batch.mask
    for kind, at in network.kinds.items():
        if network.head(kind).together:
            places = torch.tensor(at, device=found.device)
            found = found.index_copy(0, places, network.head(kind).in_mean(batch.targets[at], found[at]))
    return found


def _asked(run: Run, batch: Batch, outputs: Outputs, sums: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """What each task descends on, and whether the batch has anything for it, [task]: the mean over its own `labels` [task] that
    count, where one without them has no say, and what its teacher says, if it has one."""
    losses, present = sums / labels.clamp(min=1), labels > 0
    if batch.lesson is None:
        return losses, present
    return taught(run.network, outputs, batch.lesson, losses, present, run.training, run.epoch)


def _losses(
    run: Run, batch: Batch, forward: Callable[..., Outputs] | None = None, *, judged: bool = False
) -> tuple[Outputs, Tensor]:
    with autocast(run.network.device, run.training.precision):
        outputs = (forward or run.network)(batch.inputs)
    return outputs, run.network.losses(outputs, batch.targets, batch.mask, batch.lists, judged=judged)


@torch.inference_mode()
def valid_losses(run: Run, valid: Store) -> Losses:
    """What each task's labels of the split cost, without dropout (`Head.judged`); by the catalogues that `fill_catalogue` made."""
    run.network.eval()
    noted = []
    for rows in in_order(run.network, valid):
        batch = valid.batch(rows)
        noted.append((_losses(run, batch, judged=True)[1], batch.mask.sum(1)))
    return _gathered(noted)


def train_steps(network: Network, train: Store, optimizer: str, batch_size: int) -> int:
    """Steps of one epoch: one with full-batch descent; else as many as its rows, or its richest task's labels, ask for."""
    if optimizer == "full_batch":
        return 1
    labels = train.dealt.sum(1).max() if network.body.own_rows else train.dealt.any(0).sum()
    return steps(int(labels), batch_size)


def in_order(network: Network, rows: Store) -> list[Tensor]:
    """Batches of all rows with a label, in their own order, as large as fits where nothing is learned."""
    own_rows = network.body.own_rows
    most = int(rows.mask.sum(1).max()) if own_rows else int(rows.mask.any(0).sum())
    copies = network.model.members * (len(rows.mask) if own_rows else 1)
    size = rows_at_once(max(1, VALID_ROWS // copies), rows.lengths, copies)
    count = max(1, -(-most // size))
    return list((own if own_rows else joint)(rows.mask, count, None))


def _gathered(noted: list[tuple[Tensor, Tensor]]) -> Losses:
    return Losses(torch.stack([sums for sums, _ in noted]).cpu(), torch.stack([labels for _, labels in noted]).cpu())


__all__ = ["Batch", "Losses", "in_order", "train_epoch", "train_steps", "valid_losses"]
