"""Watching how tasks relate while they train: a Gramian now and then, a look ahead at the end of some epochs."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call

from mtl.balancing import Meeting
from mtl.balancing.engine import gramian
from mtl.network import Network
from mtl.relatedness.lookahead import lookahead
from mtl.relatedness.tracking import Tracker
from mtl.training.batches import Store
from mtl.training.dealing import joint, own
from mtl.training.devices import autocast, order_of
from mtl.training.meeting import place_of
from mtl.training.optimizers import states_of
from mtl.training.run import Run
from mtl.training.schedules import share_of_rate

AHEAD = 0.03
"""Largest share of a run's steps that goes into looks ahead; one is taken in any case."""

MOST = 8
"""Looks at the end of one epoch at most."""


def tracker_of(network: Network, mask: Tensor, every: int | None) -> Tracker | None:
    """A tracker for the tasks of `network` with the labels `mask` [task, row]; None if nothing is shared or asked for."""
    if every is None or network.body.own_stop or len(network.plan.tasks) < 2:
        return None
    return Tracker(len(network.plan.tasks), network.units, place_of(network, mask), network.device)


def watch(run: Run, step: int, losses: Tensor, present: Tensor, meeting: Meeting) -> None:
    """Take the Gramian of this step's losses, if it is its turn: one in `training.relatedness`, at the parameters, where
    every task costs a pass of its own, in proportion fewer."""
    tracker, every = run.tracker, run.training.relatedness
    if tracker is None or every is None:
        return
    rarer = 1 if tracker.at == "representation" else -(-len(losses) // 3)
    if step % (every * rarer) == 0:
        tracker.add(gramian(losses, present, meeting, tracker.at), present, run.active)


def look_ahead(run: Run, train: Store, count: int) -> None:
    """At the end of an epoch of `count` steps: how a step on each task would change the others' losses, on some batches."""
    tracker, steps, cost = run.tracker, run.epoch * count, len(run.active) + 1
    if tracker is None or len(run.active) < 2:
        return
    times = min(tracker.allows(steps, cost, AHEAD), MOST)
    if not run.goes_on and not tracker.points:
        times = max(times, 1)
    if times < 1:
        return
    deal = own if run.network.body.own_rows else joint
    generator = order_of(run.training.seed, run.epoch)
    for _, rows in zip(range(times), deal(train.mask, count, generator, train.lengths), strict=False):
        tracker.add_affinity(_ahead(run, train, rows), run.active)
    tracker.spend(steps, times * cost)


def _ahead(run: Run, train: Store, rows: Tensor) -> Tensor:
    batch, network = train.batch(rows), run.network
    labels = batch.mask.sum(1).clamp(min=1)
    shared = {id(parameter) for parameter in network.shared_parameters()}
    named = {name: parameter for name, parameter in network.named_parameters() if id(parameter) in shared}

    def losses(parameters: Mapping[str, Tensor]) -> Tensor:
        with autocast(network.device, run.training.precision):
            outputs = functional_call(network, dict(parameters), (batch.inputs,))
        return network.losses(outputs, batch.targets, batch.mask, batch.lists) / labels

    network.eval()
    return lookahead(losses, named, _rates(run, named))


def _rates(run: Run, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the optimizer multiplies a gradient with: its learning rate, for AdamW divided by √v̂ + ε."""
    states, found, own = states_of(run.optimizer, run.parameters), {}, run.network.own_rates()
    for name, parameter in named.items():
        lr = own.get(name, run.training.lr) * share_of_rate(run.training, run.epoch)
        state, rate = states.get(f"network.{name}", {}), torch.full((), lr, device=parameter.device)
        if "exp_avg_sq" in state:
            group = run.optimizer.param_groups[0]
            seen = 1 - group["betas"][1] ** state["step"].to(parameter.device)
            rate = rate / ((state["exp_avg_sq"] / seen).sqrt() + group["eps"])
        found[name] = rate
    return found
