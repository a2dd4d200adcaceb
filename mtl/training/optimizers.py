"""Optimizers by the spec's names, and their state by the parameters' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mtl.spec import Training

Parameters = dict[str, nn.Parameter]
States = dict[str, dict[str, Tensor]]


def make_optimizer(parameters: Parameters, training: Training, rates: Mapping[str, float] | None = None) -> torch.optim.Optimizer:
    """adamw, sgd, or full_batch: plain gradient descent, without momentum or decay. `rates`: parameter → its own learning rate.

    Decay is for matrices: biases, gates of one number, thresholds and learned uncertainties are not pulled towards 0.
    """
    decay = 0.0 if training.optimizer == "full_batch" else training.weight_decay
    groups = _groups(parameters, training.lr, decay, rates or {})
    if training.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=training.lr, fused=True)
    if training.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=training.lr, momentum=training.momentum, nesterov=training.momentum > 0)
    return torch.optim.SGD(groups, lr=training.lr)


def _groups(parameters: Parameters, lr: float, decay: float, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """Of each learning rate the parameters that decay and those that do not, those of `lr` first; schedules start at `full_lr`."""
    found: dict[tuple[float, bool], list[nn.Parameter]] = {(lr, True): [], (lr, False): []}
    for name, parameter in parameters.items():
        found.setdefault((rates.get(name, lr), name.endswith(("weight", "table"))), []).append(parameter)
    return [{"params": of, "lr": rate, "full_lr": rate, "weight_decay": decay * decays} for (rate, decays), of in found.items()]


def states_of(optimizer: torch.optim.Optimizer, parameters: Parameters) -> States:
    """Parameter → its state's tensors; parameters that never had a gradient have none."""
    return {name: dict(optimizer.state[p]) for name, p in parameters.items() if optimizer.state.get(p)}


def put_states(optimizer: torch.optim.Optimizer, parameters: Parameters, states: States) -> None:
    """The reverse of `states_of`."""
    for name, state in states.items():
        optimizer.state[parameters[name]] = {key: value.to(parameters[name].device, copy=True) for key, value in state.items()}


def states_only(states: States, rows: Mapping[str, list[int] | None]) -> States:
    """The states of some tasks' parameters; `rows` as `mtl.network.rows_of` gives them. Step counts stay as they are."""

    def kept(name: str, value: Tensor) -> Tensor:
        chosen = rows[name]
        return value if chosen is None or value.dim() == 0 else value[chosen]

    return {name: {key: kept(name, value) for key, value in state.items()} for name, state in states.items()}
