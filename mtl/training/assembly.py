"""One network out of two: tasks that share a trunk as they were trained, tasks that stand alone as their single-task networks.

A task in a group of its own shares nothing, so training it beside the others would only make its single-task network anew,
with other random numbers, and a comparison of the two would measure luck. Taken over, it predicts what its rival predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl
import torch
from torch import Tensor

from mtl.network import Network, Plan
from mtl.spec import Model
from mtl.training.fit import Fitted


def alone_in(plan: Plan, model: Model) -> list[str]:
    """The tasks in groups of their own, if other tasks share a trunk beside them."""
    if model.sharing != "shared_bottom" or model.groups is None:
        return []
    trunks = plan.trunks(model.groups)
    found = [task.name for task, trunk in zip(plan.tasks, trunks, strict=True) if trunks.count(trunk) == 1]
    return found if len(found) < len(plan.tasks) else []


@torch.no_grad()
def assembled(plan: Plan, model: Model, shared: Network, single: Network) -> Network:
    """The network of all tasks of `plan` in the groups of `model`: those of `shared` from there, others from `single`, whose
    sharing is `separate`."""
    network = Network(plan, model)
    theirs = {task.name for task in shared.plan.tasks}
    for name, owners in network.owners().items():
        parameter = network.get_parameter(name)
        for row, task in enumerate(owners):
            named = plan.tasks[task].name
            found = _row(shared, name, named) if named in theirs else _row(single, name.replace("body.shared.", "body.own."), named)
            parameter[row][tuple(slice(size) for size in found.shape)] = found  # fewer classes: the rest is never read
    for kind, tasks in network.kinds.items():
        for place, task in enumerate(tasks):
            source = shared if plan.tasks[task].name in theirs else single
            network.head(kind).take_over(place, source.head(kind), _place(source, plan.tasks[task].name, kind))
    return network.eval()


def _place(network: Network, task: str, kind: str) -> int:
    """Where the task stands among those of its kind."""
    return [network.plan.tasks[t].name for t in network.kinds[kind]].index(task)


def _row(network: Network, name: str, task: str) -> Tensor:
    """What belongs to a task (or to the trunk of which it is the first) of this parameter."""
    of = network.owners()[name]
    place = [one.name for one in network.plan.tasks].index(task)
    return network.get_parameter(name)[of.index(place) if of else 0]


def joined(fitted: Fitted, network: Network, alone: Sequence[str], history: pl.DataFrame, best_epoch: dict[str, int]) -> Fitted:
    """`fitted` with the whole `network`; history and best epochs of the tasks that stand alone are their single-task ones,
    and their seconds, spent in the baseline's one run of all tasks, are not among `seconds`."""
    epochs = {task.name: (best_epoch if task.name in alone else fitted.best_epoch)[task.name] for task in network.plan.tasks}
    whole = pl.concat([fitted.history, history.filter(pl.col("task").is_in(list(alone)))])
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return replace(fitted, network=network, history=whole, best_epoch=epochs, parameters=parameters, adopted=tuple(alone))
