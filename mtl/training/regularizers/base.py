"""What every regularizer offers, and the pieces of a network that it goes over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from mtl.network import Network

MATRICES = ("weight", "table", "embedding")
"""Ends of the names of parameters that are regularized: those of the tasks' predictors, as in the papers. Biases and
thresholds hold how frequent a task's classes are, gates (`Sharing.mixing`) how it shares: neither is the tasks' likeness."""


class Regularizer(Protocol):
    """A penalty on one piece of every task, `stack` [task, numbers]; its gradient in closed form, without a graph."""

    @staticmethod
    def value(stack: Tensor) -> Tensor:
        """The penalty, without its λ."""
        ...

    @staticmethod
    def gradient(stack: Tensor) -> Tensor:
        """Its derivative, [task, numbers]."""
        ...


@dataclass(frozen=True)
class Stack:
    """Rows `rows` of a parameter whose first dimension is the task, and the first `columns` of its last dimension."""

    name: str
    parameter: nn.Parameter
    rows: tuple[int, ...]
    columns: int

    def read(self) -> Tensor:
        """[task, numbers], without gradient."""
        return self._part(self.parameter.detach()).flatten(1)

    def add(self, gradient: Tensor) -> None:
        """Add [task, numbers] to the parameter's gradient."""
        if self.parameter.grad is None:
            self.parameter.grad = torch.zeros_like(self.parameter)
        shape = (len(self.rows), *self.parameter.shape[1:-1], self.columns)
        if self._whole:
            self.parameter.grad += gradient.view(shape)
        else:
            self.parameter.grad[list(self.rows), ..., : self.columns] += gradient.view(shape)

    @property
    def _whole(self) -> bool:
        return self.columns == self.parameter.shape[-1] and self.rows == tuple(range(len(self.parameter)))

    def _part(self, x: Tensor) -> Tensor:
        return x if self._whole else x[list(self.rows), ..., : self.columns]


def stacks(network: Network) -> list[Stack]:
    """What tasks own, piece by piece: heads of one kind and size, and each layer of tasks' own networks or embeddings.

    A piece that only one task has is left out: there is nobody it could be near to. So are heads beside heads that read
    another group's trunk, where the same numbers mean another thing.
    """
    body = network.body
    own, mixing = (tuple(f"body.{start}" for start in of) for of in ((*body.private, *body.stacked), body.mixing))
    found = []
    for name, parameter in network.named_parameters():
        if not name.endswith(MATRICES) or parameter.dim() < 2:
            continue
        if name.startswith("heads."):
            found += _of_heads(network, name, parameter)
        elif name.startswith(own) and not name.startswith(mixing):
            found.append(Stack(name, parameter, tuple(range(len(parameter))), parameter.shape[-1]))
    return [stack for stack in found if len(stack.rows) > 1]


def _of_heads(network: Network, name: str, parameter: nn.Parameter) -> list[Stack]:
    """Heads of one kind, apart by trunk and by how many outputs they have: class 2 of three is not class 2 of four."""
    kind = name.split(".")[1]
    whole = network.body.own_stop  # networks of their own are pulled layer by layer, heads and all
    trunk = {task: 0 if whole else number for number, unit in enumerate(network.units) for task in unit}
    alike = [(network.head(kind).outputs(network.plan.tasks[t].classes), trunk[t]) for t in network.kinds[kind]]
    return [
        Stack(name, parameter, tuple(row for row, one in enumerate(alike) if one == each), each[0]) for each in sorted(set(alike))
    ]
