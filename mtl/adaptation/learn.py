"""Learning the new task: on the champion's trunk, or from scratch on the same labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mtl.adaptation.addition import Addition, Means
from mtl.adaptation.rows import TaskRows
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.errors import DataError, TrainingError
from mtl.network import Network, input_tensors, plan_of, predict
from mtl.network.encoders import Held
from mtl.network.heads.retrieval import Retrieval
from mtl.network.plan import TaskPlan
from mtl.network.ragged import RaggedTensor, row_lengths, rows_at_once, take, take_inputs
from mtl.spec import Model, Training
from mtl.training import fit
from mtl.training.dealing import steps
from mtl.training.devices import autocast, seed_epoch, settings
from mtl.training.optimizers import make_optimizer
from mtl.training.pairs import in_pairs
from mtl.training.schedules import set_rates
from mtl.training.stopping import Stopping

ROWS = 8192
"""Rows of one batch where nothing is learned."""

Tensors = dict[str, dict[str, Tensor]]
Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class Learned:
    """An addition with the weights of its best epoch, where the champion is."""

    addition: Addition
    best_epoch: int
    parameters: int


@dataclass
class _Side:
    """One split on the device: what the addition reads of it, and targets [1, rows]."""

    inputs: Mapping[str, Held]
    targets: Tensor
    lists: RaggedTensor | None = None
    """Of a task whose label is a list, instead of its targets."""
    views: Tensor | None = None

    @property
    def in_order(self) -> Sequence[Tensor]:
        """Numbers of all rows, as many at a time as fit."""
        return _in_order(self.targets.shape[1], self.inputs, self.targets.device)

    def labels(self, rows: Tensor) -> Tensor:
        """Of these rows, [1, batch], or [1, batch, longest] of lists."""
        return self.targets.index_select(1, rows) if self.lists is None else take(self.lists, rows)

    def read(self, addition: Addition, rows: Tensor) -> Tensor:
        """Views of these rows, computed once where the trunk does not learn."""
        if self.views is not None:
            return self.views.index_select(1, rows)
        return addition.views(take_inputs(self.inputs, rows))


def learn(
    champion: Network,
    task: TaskEncoding,
    train: TaskRows,
    valid: TaskRows,
    training: Training,
    *,
    means: Means = "head",
    rank: int = 4,
) -> Learned:
    """Train what `means` says until valid says stop; deterministic, as `fit` is.

    `champion` is left as it is, in every bit and where it is, also by a training that fails. Raises DataError if there is no
    row to learn from or to stop by, TrainingError if a loss is not finite.
    """
    _need_rows(task, train=train, valid=valid)
    home = champion.device
    with settings(training) as device:
        seed_epoch(training.seed, 0)
        try:
            here = champion.to(device).eval()
            addition = Addition(here, plan_task(task), means, rank).to(device)
            best, epoch = _epochs(addition, _side(addition, here, train), _side(addition, here, valid), training)
        finally:
            champion.to(home)
        final = Addition(champion, plan_task(task), means, rank)
        final.load_state_dict(best)
        if final.head.together:
            _fill_catalogue(final.eval(), _side(final, champion, train))
        return Learned(final.eval(), epoch, sum(p.numel() for p in final.parameters()))


@torch.no_grad()
def _fill_catalogue(addition: Addition, train: _Side) -> None:
    """Of a retrieval task: what each identity of train looks like to it, as it stands."""
    if isinstance(addition.head, Retrieval):
        parts = ((addition(train.read(addition, part)), train.targets[:, part]) for part in train.in_order)
        addition.head.fill((logits, targets, torch.ones_like(targets)) for logits, targets in parts)


def _need_rows(task: TaskEncoding, **sides: TaskRows) -> None:
    for side, rows in sides.items():
        if not len(rows):
            raise DataError(
                f"task {task.name!r}: labels of {side} on rows that show one of its inputs", expected="at least one", found="none",
                do=f"bring rows of {', '.join(task.inputs)} for its labels, or let it see other inputs: tasks.{task.of}.inputs",
            )  # fmt: skip


def scratch(
    encodings: Encodings, task: TaskEncoding, train: TaskRows, valid: TaskRows, test: TaskRows, model: Model, training: Training
) -> Values:
    """Predictions of test by a network of this task alone, trained as the spec says on the same rows."""
    alone = Encodings({name: encodings.inputs[name] for name in task.inputs}, (task,))
    network = fit(alone, train, valid, model, training, sharing="separate").network
    found: Values = predict(network, alone, test.inputs)[task.name]
    return found


def predicted(champion: Network, addition: Addition, task: TaskEncoding, rows: TaskRows) -> Values:
    """float64 [rows], or [rows, class] of classes, in the task's own unit."""
    (values,) = _decoded(champion, addition, rows, addition.head.decode)
    return task.original(values)


def predicted_with_spread(
    champion: Network, addition: Addition, task: TaskEncoding, rows: TaskRows
) -> tuple[Values, Values | None]:
    """The same, and the standard deviation over members of each number, in the same unit; None without members."""
    if champion.model.members == 1:
        return predicted(champion, addition, task, rows), None
    values, spread = _decoded(champion, addition, rows, addition.head.decode, addition.head.spread)
    return task.original(values), task.difference(spread)


@torch.inference_mode()
def _decoded(champion: Network, addition: Addition, rows: TaskRows, *ways: Callable[[Tensor], Tensor]) -> list[Values]:
    """For each way to read the logits an array over all rows."""
    addition.eval()
    tensors = _tensors(champion, rows)
    parts: list[list[Tensor]] = [[] for _ in ways]
    for some in _in_order(len(rows), tensors, champion.device):
        logits = addition(addition.views(take_inputs(tensors, some))).double()
        for part, way in zip(parts, ways, strict=True):
            part.append(way(logits)[0])
    return [torch.cat(part).cpu().numpy() for part in parts]


def plan_task(task: TaskEncoding) -> TaskPlan:
    """What the network must know of the task."""
    return plan_of(Encodings({}, (task,))).tasks[0]


def _side(addition: Addition, champion: Network, rows: TaskRows) -> _Side:
    targets = torch.from_numpy(rows.targets.T.copy()).to(champion.device)
    lists = next((RaggedTensor.of(one.values, one.offsets).to(champion.device) for one in rows.lists.values()), None)
    side = _Side(_tensors(champion, rows), targets, lists)
    if not addition.trunk_learns:
        with torch.no_grad():
            side.views = torch.cat([side.read(addition.eval(), part) for part in side.in_order], 1)
    return side


def _tensors(champion: Network, rows: TaskRows) -> Mapping[str, Held]:
    tensors = input_tensors(champion.plan, rows.inputs)
    return {name: {key: held.to(champion.device) for key, held in of.items()} for name, of in tensors.items()}


def _in_order(rows: int, inputs: Mapping[str, Held], device: torch.device) -> Sequence[Tensor]:
    return torch.split(torch.arange(rows, device=device), rows_at_once(ROWS, row_lengths(inputs)))


def _epochs(addition: Addition, train: _Side, valid: _Side, training: Training) -> tuple[dict[str, Tensor], int]:
    """State of the best epoch on the CPU, and its number."""
    rows, device = train.targets.shape[1], train.targets.device
    addition.head.start_at(addition.head.constant(train.labels(torch.arange(rows, device=device))[0], 0).unsqueeze(0))
    optimizer = make_optimizer(dict(addition.named_parameters()), training)
    stopping, epoch, best = Stopping.of(1, training.patience), 0, _state(addition)
    count = 1 if training.optimizer == "full_batch" else steps(rows, training.batch_size)
    while epoch < training.max_epochs and stopping.goes_on(epoch, 0):
        epoch += 1
        set_rates(optimizer, training, epoch)
        generator = seed_epoch(training.seed, epoch)
        addition.train()
        for part in _order(addition, train, generator).to(device).tensor_split(count):
            optimizer.zero_grad()
            torch.autograd.backward(_mean(addition, _loss(addition, train, part, training), train, part))
            if training.clip is not None:
                torch.nn.utils.clip_grad_norm_(addition.parameters(), training.clip)
            optimizer.step()
        _fill_catalogue(addition.eval(), train)
        if stopping.improved(epoch, [0], [_valid_loss(addition, valid, training)]):
            best = _state(addition)
    return best, stopping.epoch[0]


def _order(addition: Addition, train: _Side, generator: torch.Generator) -> Tensor:
    """All rows shuffled; two by two, as `fit` deals them, where rows look at each other."""
    rows = train.targets.shape[1]
    if addition.head.together:
        return in_pairs(torch.arange(rows), train.targets[0].long().cpu(), None, generator)[0]
    return torch.randperm(rows, generator=generator)


def _loss(addition: Addition, side: _Side, rows: Tensor, training: Training) -> Tensor:
    """Loss of each row, [1, batch, member]."""
    return addition.head.loss(_logits(addition, side, rows, training), side.labels(rows))


def _logits(addition: Addition, side: _Side, rows: Tensor, training: Training) -> Tensor:
    with autocast(side.targets.device, training.precision):
        logits: Tensor = addition(side.read(addition, rows))
    return logits.float()


def _mean(addition: Addition, each: Tensor, side: _Side, rows: Tensor) -> Tensor:
    """Of `_loss` of these rows, over those that count."""
    if not addition.head.together:
        return each.mean()
    labels = side.labels(rows)
    there = addition.head.in_mean(labels, torch.ones_like(labels))
    found: Tensor = each.mean(-1).sum() / there.sum().clamp(min=1)
    return found


@torch.no_grad()
def _valid_loss(addition: Addition, valid: _Side, training: Training) -> float:
    """The mean over valid of what rows cost by themselves; `addition` is in evaluation mode."""
    rows, head = valid.targets.shape[1], addition.head
    parts = [head.judged(_logits(addition, valid, part, training), valid.labels(part)).sum() for part in valid.in_order]
    found = float(torch.stack(parts).sum()) / rows
    if not math.isfinite(found):
        raise TrainingError(
            "the new task's loss on valid", expected="a finite number", found=str(found),
            do=f"a smaller training.lr (now {training.lr:g}), or training.clip: 1.0",
        )  # fmt: skip
    return found


def _state(addition: Addition) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in addition.state_dict().items()}
