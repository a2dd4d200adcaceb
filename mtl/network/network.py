"""The network: encoders and sharing give each task a representation, heads turn it into predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mtl.network.encoders import ENCODERS, Arrays, Tensors
from mtl.network.heads import HEADS, Head
from mtl.network.plan import Encoded, Plan, plan_of
from mtl.network.sharing import SHARINGS, Shared
from mtl.spec import Model


@dataclass(frozen=True)
class Outputs:
    """What a batch becomes."""

    logits: dict[str, Tensor]
    """kind → [task of that kind, batch, member, out]"""
    shared: Shared


class Network(nn.Module):
    """One model of all tasks of `plan`. `sharing` overrides the one of `model`."""

    order: Tensor

    def __init__(self, plan: Plan, model: Model, sharing: str | None = None) -> None:
        super().__init__()
        self.plan, self.model, self.sharing = plan, model, sharing or model.sharing
        self.body = SHARINGS[self.sharing](plan, model)
        self.kinds = plan.kinds
        widest = dict(plan.widest)
        self.heads = nn.ModuleDict(
            {kind: HEADS[kind]([plan.tasks[t].classes for t in at], model.width, widest[kind]) for kind, at in self.kinds.items()}
        )
        view = self.body.view(plan)
        self._views = {kind: [view[t] for t in at] for kind, at in self.kinds.items()}
        place = [t for at in self.kinds.values() for t in at]
        self.register_buffer("order", torch.tensor([place.index(t) for t in range(len(place))]), persistent=False)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Outputs:
        """Tensors of each input with a leading dimension: [1, batch, …], or [task, batch, …] where tasks have own rows."""
        shared = self.body(inputs)
        logits = {kind: self.heads[kind](self._seen(shared.seen, view)) for kind, view in self._views.items()}
        return Outputs(logits, shared)

    def losses(self, outputs: Outputs, targets: Tensor, mask: Tensor) -> Tensor:
        """Sum of each task's loss over its labels, [task]; targets and mask (0/1) are [task, batch].

        Rows without a label add exactly 0, to the loss and to every gradient.
        """
        found = []
        for kind, at in self.kinds.items():
            each = self.head(kind).loss(outputs.logits[kind].float(), _rows(targets, at))
            found.append((each.mean(-1) * _rows(mask, at)).sum(1))
        joined = torch.cat(found)
        return joined if len(found) == 1 else joined[self.order]

    def decode(self, outputs: Outputs) -> list[Tensor]:
        """For each task its prediction [batch], or probabilities [batch, class]."""
        found: dict[int, Tensor] = {}
        for kind, at in self.kinds.items():
            decoded = self.head(kind).decode(outputs.logits[kind].double())
            many = decoded.dim() == 3
            found |= {t: decoded[i, :, : self.plan.tasks[t].classes] if many else decoded[i] for i, t in enumerate(at)}
        return [found[t] for t in range(len(self.plan.tasks))]

    @staticmethod
    def _seen(x: Tensor, view: list[int]) -> Tensor:
        """What the tasks of one kind read: [1, …] where all read the same, else [task, …]."""
        return x[view[0] : view[0] + 1] if len(set(view)) == 1 and len(view) > 1 else _rows(x, view)

    def head(self, kind: str) -> Head:
        return cast(Head, self.heads[kind])

    def owners(self) -> dict[str, list[int]]:
        """Parameter → the tasks along its first dimension; an empty list where all tasks share it."""
        everyone = list(range(len(self.plan.tasks)))
        owned = tuple(f"body.{start}" for start in self.body.private)
        return {
            name: self.kinds[name.split(".")[1]] if name.startswith("heads.") else everyone if name.startswith(owned) else []
            for name, _ in self.named_parameters()
        }

    def shared_parameters(self) -> list[nn.Parameter]:
        """The parameters where the tasks' gradients meet."""
        owners = self.owners()
        return [parameter for name, parameter in self.named_parameters() if not owners[name]]

    @torch.no_grad()
    def only(self, tasks: Sequence[int]) -> Network:
        """The same network for some of its tasks, weights and all."""
        chosen = Network(self.plan.only(tasks), self.model, self.sharing).to(self.device)
        state = dict(self.named_parameters())
        rows = rows_of(self.owners(), tasks)
        for name, parameter in chosen.named_parameters():
            parameter.copy_(state[name] if rows[name] is None else state[name][rows[name]])
        return chosen.train(self.training)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def gates(self) -> dict[str, list[float]]:
        """Task → its gate after each layer; empty where the sharing mixes nothing."""
        gates = self.body.gates()
        return {} if gates is None else {t.name: row for t, row in zip(self.plan.tasks, gates.tolist(), strict=True)}


def build_network(encodings: Encoded, model: Model, *, sharing: str | None = None) -> Network:
    """The network for these encodings. Its weights come from torch's generator: the same seed, the same weights."""
    return Network(plan_of(encodings), model, sharing)


def input_tensors(plan: Plan, arrays: Mapping[str, Arrays]) -> dict[str, Tensors]:
    """Each input's arrays [rows, …] as the tensors its encoder reads; an input that is not there counts as absent."""
    rows = len(next(iter(next(iter(arrays.values())).values())))
    return {one.name: ENCODERS[one.kind].tensors(one, arrays.get(one.name), rows) for one in plan.inputs}


def rows_of(owners: Mapping[str, list[int]], tasks: Sequence[int]) -> dict[str, list[int] | None]:
    """Parameter → the rows of its first dimension that belong to `tasks`; None where all tasks share it."""
    return {name: [of.index(t) for t in tasks if t in of] if of else None for name, of in owners.items()}


def _rows(x: Tensor, at: list[int]) -> Tensor:
    """Rows `at` of x; a plain slice where each follows the one before (`[0, 0, 2]` only begins and ends like one)."""
    one_by_one = at == list(range(at[0], at[0] + len(at)))
    return x[at[0] : at[0] + len(at)] if one_by_one else x[at]
