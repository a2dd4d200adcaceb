"""Every way to share, and networks, batches and labels of it: what the tests of networks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest
import torch
from torch import Tensor, nn

from mtl.data.aligned import AlignedSet
from mtl.network import Network, input_tensors, rows_of
from mtl.network.plan import TaskPlan
from mtl.network.sharing import SHARINGS
from mtl.spec import Model

Built = TypeVar("Built", bound=nn.Module)
EXPERTS: dict[str, dict[str, Any]] = {
    "mmoe": {"sharing": "mmoe", "options": {"experts": 3}},
    "cgc": {"sharing": "cgc", "options": {"experts": 2, "own_experts": 2}},
    "ple": {"sharing": "ple", "options": {"experts": 2, "own_experts": 1, "levels": 2}},
    "ple3": {"sharing": "ple", "options": {"experts": 2, "own_experts": 2, "levels": 3}},
    "dselect_k": {"sharing": "dselect_k", "options": {"experts": 5, "k": 2}},
    "dselect_k of rows": {"sharing": "dselect_k", "options": {"experts": 4, "k": 2, "per_example": 1, "gamma": 10}},
}
"""Mixtures of experts, with options that show more than the defaults do."""
WAYS: dict[str, dict[str, Any]] = {name: {"sharing": name} for name in SHARINGS} | EXPERTS
"""Every sharing there is."""


SEVERAL = ("multiclass", "ordinal", "quantile", "multilabel")
"""Kinds whose head gives several numbers."""
LEVELS = (0.1, 0.5, 0.6, 0.8, 0.95)


def plans(kind: str, sizes: Sequence[int], **more: Any) -> list[TaskPlan]:
    """Tasks of one kind with so many classes or levels; a count of size 2 is negative binomial."""
    if kind == "quantile":
        return [TaskPlan(f"t{i}", kind, n, frozenset("x"), levels=LEVELS[:n], **more) for i, n in enumerate(sizes)]
    of = {1: "poisson", 2: "negative_binomial"} if kind == "count" else {}
    return [TaskPlan(f"t{i}", kind, n, frozenset("x"), distribution=of.get(n, "poisson"), **more) for i, n in enumerate(sizes)]


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def model_of(way: str, **more: Any) -> Model:
    return Model.model_validate({**WAYS[way], "width": 16, "depth": 3, "dropout": 0.2, **more})


def stirred(network: Built, by: float = 0.1, seed: int | None = 3) -> Built:
    """Every parameter moved, so that nothing is at a start that would hide something; no seed: by what chance gives next."""
    if seed is not None:
        torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(by * torch.randn_like(parameter))
    return network


def batch_of(network: Network, rows: AlignedSet) -> dict[str, dict[str, Tensor]]:
    tensors = input_tensors(network.plan, rows.inputs)
    return {name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()}


def labels_of(rows: AlignedSet) -> tuple[Tensor, Tensor]:
    """Targets and mask, float [task, batch]."""
    return torch.from_numpy(rows.targets.T.copy()), torch.from_numpy(rows.labelled.T.copy()).float()


@torch.no_grad()
def copy_in_order(network: Network, into: Network, order: Sequence[int]) -> None:
    """The same weights in a network whose tasks are those of `network` in another order."""
    state, rows = dict(network.named_parameters()), rows_of(network.stacked(), order)
    for name, parameter in into.named_parameters():
        moved = state[name] if rows[name] is None else state[name][rows[name]]
        parameter.copy_(moved[:, :, order] if name == "body.stitch" else moved)  # [task, layer, task]
