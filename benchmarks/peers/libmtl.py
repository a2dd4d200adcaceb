"""LibMTL, as its documentation feeds it: a Dataset of rows and label dicts, a DataLoader, `Trainer.train`.

What 1.1.5 (2021) needs to run today, and nothing more: `torchvision.models.utils` (gone from torchvision; only its
image models want it), the CPU instead of its fixed `cuda:0`, `next(loader)` for `loader.next()`, and gradients that are
zeroed, not taken away. A label that is
missing is NaN; losses and metrics leave it out, which LibMTL leaves to its user. No loader processes (its examples take
2): on one core they cost more than they bring.
"""

from __future__ import annotations

import inspect
import math
import sys
import types
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.speed.by_hand import trunk
from benchmarks.work import BATCH, WIDTH, read_arrays
from benchmarks.worker import Question, Work

for name in ("torchvision", "torchvision.models", "torchvision.models.utils"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["torchvision.models.utils"].load_state_dict_from_url = None

from LibMTL import Trainer, architecture, weighting  # noqa: E402  # after the stand-in above
from LibMTL.config import LibMTL_args, prepare_args  # noqa: E402  # likewise
from LibMTL.loss import AbsLoss  # noqa: E402  # likewise
from LibMTL.metrics import AbsMetric  # noqa: E402  # likewise


class Rows(Dataset):
    """Row → features, {task: label}."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, row: int) -> tuple[Tensor, dict[str, Tensor]]:
        return self.x[row], {f"t{t}": self.y[row, t] for t in range(self.y.shape[1])}


class MaskedMSE(AbsLoss):
    """Mean squared error over the labels that are there."""

    def compute_loss(self, pred: Tensor, gt: Tensor) -> Tensor:
        there = ~gt.isnan()
        return (torch.where(there, pred.squeeze(1) - gt, 0.0) ** 2).sum() / there.sum().clamp(min=1)


class MaskedRMSE(AbsMetric):
    """Root mean squared error over the labels that are there."""

    def update_fun(self, pred: Tensor, gt: Tensor) -> None:
        there = ~gt.isnan()
        self.record.append((torch.where(there, pred.squeeze(1) - gt, 0.0) ** 2).sum().item())
        self.bs.append(there.sum().item())

    def score_fun(self) -> list[float]:
        return [math.sqrt(sum(self.record) / max(sum(self.bs), 1))]


def zero_shared(model: Any) -> None:
    """Zeros in the shared gradients: 1.1.5 writes into them, and `zero_grad` takes them away since torch 2."""
    model.encoder.zero_grad(set_to_none=False)


architecture.HPS.zero_grad_share_params = zero_shared


class OnCpu(Trainer):
    """The Trainer, on the CPU and with today's iterators."""

    def _prepare_model(self, *parts: Any) -> None:
        self.device = torch.device("cpu")
        super()._prepare_model(*parts)

    def _process_data(self, loader: list[Any]) -> tuple[Tensor, dict[str, Tensor]]:
        batch = next(loader[1], None)
        if batch is None:
            loader[1] = iter(loader[0])
            batch = next(loader[1])
        return batch[0], dict(batch[1])


def make_trainer(method: str, tasks: int) -> Trainer:
    """The trainer of a shared-bottom network of `tasks` regressions with this weighting, at its defaults."""
    names = [f"t{t}" for t in range(tasks)]
    described = {n: {"metrics": ["RMSE"], "metrics_fn": MaskedRMSE(), "loss_fn": MaskedMSE(), "weight": [0]} for n in names}
    params = LibMTL_args.parse_args(["--weighting", method, "--arch", "HPS", "--lr", "1e-3"])
    options, optim, scheduler = prepare_args(params)
    by_name = "load_path" in inspect.signature(Trainer.__init__).parameters  # since 2022 classes are given by their names
    return OnCpu(
        task_dict=described,
        weighting=method if by_name else getattr(weighting, method),
        architecture="HPS" if by_name else architecture.HPS,
        encoder_class=trunk,
        decoders=nn.ModuleDict({n: nn.Linear(WIDTH, 1) for n in names}),
        rep_grad=False, multi_input=False, optim_param=optim, scheduler_param=scheduler, **options,
    )  # fmt: skip


def start(question: Question) -> Work:
    torch.set_num_threads(question["threads"])
    torch.manual_seed(0)
    arrays = read_arrays(question["work"])
    y = np.where(arrays.labelled, arrays.y, np.nan).astype(np.float32)
    trainer = make_trainer(question["method"], y.shape[1])
    train = DataLoader(Rows(arrays.x, y), batch_size=BATCH, shuffle=True)
    little = DataLoader(Rows(arrays.x[:64], y[:64]), batch_size=64)  # `train` always tests: on next to nothing here

    def epoch() -> None:
        trainer.train(train, little, 1)

    return epoch
