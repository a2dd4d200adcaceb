"""The state of a training run: everything that the next epoch depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mtl.balancing import BALANCINGS, Balanced, Balancing
from mtl.network import Network, Plan, rows_of
from mtl.network.heads import HEADS
from mtl.spec import Model, Training
from mtl.training.optimizers import Parameters, make_optimizer, put_states, states_of, states_only
from mtl.training.stopping import Stopping

Row = tuple[int, str, float, float | None]
"""Of the history: epoch, task, train loss, valid loss."""


@dataclass
class Run:
    """`network`, `balancing` and `optimizer` are of the tasks in `active`; `best` has the weights of all tasks."""

    network: Network
    balancing: Balancing
    optimizer: torch.optim.Optimizer
    active: list[int]
    best: dict[str, Tensor]
    stopping: Stopping
    training: Training
    epoch: int = 0
    seconds: float = 0.0
    history: list[Row] = field(default_factory=list)

    @classmethod
    def start(cls, plan: Plan, model: Model, training: Training, sharing: str | None, device: torch.device) -> Run:
        """A run before its first epoch; weights from torch's generator."""
        network = Network(plan, model, sharing).to(device)
        balancing = balancing_of(network, training).to(device)
        units = len(plan.tasks) if network.body.own_stop else 1
        best = {name: p.detach().clone() for name, p in network.named_parameters()}
        stopping = Stopping.of(units, training.patience)
        optimizer = make_optimizer(_named(network, balancing), training)
        return cls(network, balancing, optimizer, list(range(len(plan.tasks))), best, stopping, training)

    def __post_init__(self) -> None:
        self.plan = self.network.plan
        self._home = self.network.owners()

    @property
    def parameters(self) -> Parameters:
        """All that is trained, by name."""
        return _named(self.network, self.balancing)

    @property
    def units(self) -> list[int]:
        """What stops on its own: tasks, or the network as one."""
        return self.active if self.network.body.own_stop else [0]

    @property
    def goes_on(self) -> bool:
        return self.epoch < self.training.max_epochs and any(self.stopping.goes_on(self.epoch, unit) for unit in self.units)

    def note(self, scores: Sequence[float]) -> None:
        """Take these scores of the tasks (of this epoch), keep the weights of whoever is at its best."""
        own = self.network.body.own_stop
        by_unit = list(scores) if own else [sum(scores) / len(scores)]
        better = self.stopping.improved(self.epoch, self.units, by_unit)
        if better:
            self._keep(better if own else list(range(len(self.active))))

    @torch.no_grad()
    def _keep(self, tasks: list[int]) -> None:
        """Copy the weights of these tasks (places in `active`) into `best`."""
        owners = self.network.owners()
        here = rows_of(owners, tasks)
        for name, parameter in self.network.named_parameters():
            rows = here[name]
            if rows is None or len(rows) == len(self.best[name]):
                self.best[name].copy_(parameter)
            elif rows:
                at = self._home[name]
                self.best[name][[at.index(self.active[owners[name][row]]) for row in rows]] = parameter[rows]

    def leave(self) -> bool:
        """Tasks that have stopped leave the batch, with their weights and the optimizer's state; true if any did."""
        going = [i for i, unit in enumerate(self.units) if self.stopping.goes_on(self.epoch, unit)]
        if not self.network.body.own_stop or len(going) in (0, len(self.active)):
            return False
        rows = {f"network.{name}": kept for name, kept in rows_of(self.network.owners(), going).items()}
        states = states_only(states_of(self.optimizer, self.parameters), rows)
        self.put(self.network.only(going), [self.active[i] for i in going])
        put_states(self.optimizer, self.parameters, {n: s for n, s in states.items() if n in self.parameters})
        return True

    def put(self, network: Network, active: list[int]) -> None:
        """Go on with this network of these tasks, with a fresh optimizer."""
        self.network, self.active = network, active
        self.balancing = balancing_of(network, self.training).to(network.device)
        self.optimizer = make_optimizer(self.parameters, self.training)


def balancing_of(network: Network, training: Training) -> Balancing:
    """The balancing of the spec; `equal` where tasks share nothing, since there a weight would only scale a task's step."""
    tasks = [Balanced(task.weight, HEADS[task.kind].of_classes) for task in network.plan.tasks]
    return BALANCINGS["equal" if network.body.own_stop else training.balancing](tasks)


def _named(network: nn.Module, balancing: nn.Module) -> Parameters:
    named = {f"network.{name}": p for name, p in network.named_parameters()}
    return named | {f"balancing.{name}": p for name, p in balancing.named_parameters()}
