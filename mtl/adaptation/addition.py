"""What a new task adds to a champion. The champion itself is never written to: its old predictions stay the same bits."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mtl.network import Network
from mtl.network.heads import HEADS
from mtl.network.layers import uniform
from mtl.network.plan import Plan, TaskPlan
from mtl.network.sharing import SHARINGS

Means = Literal["head", "embedding", "low_rank"]
Inputs = Mapping[str, Mapping[str, Tensor]]

WITH_OWN = ("task_conditioned", "mmoe", "cgc", "dselect_k")
"""Sharings that give a task something of its own beside its head: an embedding, or a gate and experts."""
MATRIX = "linear.weight"
"""How the matrices of layers end, [copies, inputs, outputs]."""


class Addition(nn.Module):
    """A head for `task`, and what it reads: the champion's representations, of one task alone or of several mixed.

    head: the trunk as it is. low_rank: every matrix W of the trunk is W + A·B for the new task, A [inputs, rank] and
    B [rank, outputs] (LoRA, Hu et al. 2021, arXiv:2106.09685, eq. 3; B begins at 0). embedding: the trunk as a task of
    its own reads it, with what the sharing gives each task (WITH_OWN), beginning at the mean of what the old tasks have.

    Where the champion has a representation for each task, the head reads their mean, weighted by a learned softmax that
    begins equal. Its head's weights begin at 0, so that training begins at the best constant.
    """

    def __init__(self, champion: Network, task: TaskPlan, means: Means, rank: int) -> None:
        super().__init__()
        self.means, model = means, champion.model
        alone = Plan(champion.plan.inputs, (task,), ((task.kind, task.classes),))
        body = SHARINGS[champion.sharing](alone, model) if means == "embedding" else deepcopy(champion.body)
        fixed = {name: p.detach() for name, p in champion.body.named_parameters()}
        self.own = nn.ParameterDict()
        if means == "embedding":
            mine = {name: p for name, p in body.named_parameters() if name.startswith(body.private)}
            self.own = nn.ParameterDict({_key(name): _first(name, p, fixed[name]) for name, p in mine.items()})
            fixed = {name: p for name, p in fixed.items() if name not in mine}
        if means == "low_rank":
            self.own = nn.ParameterDict(
                {
                    _key(f"{name}.{side}"): value
                    for name, p in fixed.items()
                    if name.endswith(MATRIX)
                    for side, value in _factors(p, rank).items()
                }
            )
        self._outside = (body.requires_grad_(False), fixed)  # in a tuple, so that they are no part of this module's state
        self._read = [0] if means == "embedding" else sorted(set(champion.body.view(champion.plan)))
        self.mix = nn.Parameter(torch.zeros(len(self._read))) if len(self._read) > 1 else None
        self.head = HEADS[task.kind]([task], model.width, task.classes, model.members)
        if not self.head.together:  # rows that all begin at one point have nowhere to go
            nn.init.zeros_(self.head.weight)
        self.dropout, self.inputs = model.dropout, task.inputs
        self.to(champion.device)

    @property
    def trunk_learns(self) -> bool:
        """Whether what the head reads depends on what is learned; else it can be computed once."""
        return self.means != "head"

    def views(self, inputs: Inputs) -> Tensor:
        """Tensors [1, batch, …] of each input → what there is to read, [view, batch, member, width].

        Inputs that the new task may not see count as absent.
        """
        body, fixed = self._outside
        body.train(self.training and self.trunk_learns)
        seen: Tensor = functional_call(body, self._weights(fixed), (self._allowed(inputs),)).seen
        return seen if len(seen) == len(self._read) else seen[self._read]  # a trunk of groups may have runs that nobody reads

    def forward(self, views: Tensor) -> Tensor:
        """→ logits [1, batch, member, out]."""
        if self.mix is not None:
            views = torch.einsum("v,vbmw->bmw", torch.softmax(self.mix, 0), views).unsqueeze(0)
        if not self.trunk_learns:  # else the trunk has dropped already
            views = nn.functional.dropout(views, self.dropout, self.training)
        logits: Tensor = self.head(views)
        return logits

    def _weights(self, fixed: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.means == "embedding":
            return {**fixed, **{name.replace("|", "."): p for name, p in self.own.items()}}
        if self.means == "head":
            return dict(fixed)
        changed = {n: p + self.own[_key(f"{n}.a")] @ self.own[_key(f"{n}.b")] for n, p in fixed.items() if n.endswith(MATRIX)}
        return {**fixed, **changed}

    def _allowed(self, inputs: Inputs) -> dict[str, Mapping[str, Tensor]]:
        found = {}
        for name, tensors in inputs.items():
            if name not in self.inputs:
                rows = next(iter(tensors.values()))
                tensors = {key: torch.zeros_like(tensor) for key, tensor in tensors.items()}
                tensors = {**tensors, "present": torch.zeros(rows.shape[:2], dtype=torch.bool, device=rows.device)}
            found[name] = tensors
        return found


def _key(name: str) -> str:
    return name.replace(".", "|")


def _first(name: str, fresh: Tensor, theirs: Tensor) -> nn.Parameter:
    """Where a new task's own part begins: the mean of the old tasks'; a whole expert of its own begins anew."""
    return nn.Parameter(fresh.detach().clone() if name.startswith("own.") else theirs.mean(0, keepdim=True).to(fresh.device))


def _factors(matrix: Tensor, rank: int) -> dict[str, nn.Parameter]:
    copies, inputs, outputs = matrix.shape
    rank = min(rank, inputs, outputs)
    return {"a": nn.Parameter(uniform(inputs, copies, inputs, rank)), "b": nn.Parameter(torch.zeros(copies, rank, outputs))}
