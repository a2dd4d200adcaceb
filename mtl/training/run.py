"""The state of a training run: everything that the next epoch depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from mtl.balancing import BALANCINGS, Balanced, Balancing
from mtl.errors import TrainingError
from mtl.network import Network, Plan, rows_of
from mtl.network.heads import HEADS
from mtl.relatedness.tracking import Tracker
from mtl.spec import Model, Training
from mtl.spec.options import MEETING, ON_GRADIENTS
from mtl.training.meeting import place_of
from mtl.training.optimizers import Parameters, make_optimizer, put_states, states_of, states_only
from mtl.training.stopping import Planned, Stopping, mean_score

Row = tuple[int, str, float | None, float | None, int]
"""Of the history: epoch, task, train loss, valid loss (None without a label), labels it was trained on in this epoch."""


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
    tracker: Tracker | None = None
    history: list[Row] = field(default_factory=list)
    at: str = "parameters"
    """Where the tasks' gradients meet, once `meet` has told."""

    @classmethod
    def start(cls, plan: Plan, model: Model, training: Training, sharing: str | None, device: torch.device) -> Run:
        """A run before its first epoch; weights from torch's generator."""
        network = Network(plan, model, sharing).to(device)
        balancing = balancing_of(network, training).to(device)
        best = {name: p.detach().clone() for name, p in network.named_parameters()}
        stopping = Stopping.of(len(network.units), training.patience)
        optimizer = make_optimizer(_named(network, balancing), training, _rates(network))
        return cls(network, balancing, optimizer, list(range(len(plan.tasks))), best, stopping, training)

    def __post_init__(self) -> None:
        self.plan = self.network.plan
        self._home = self.network.owners()
        self.unit_of = {task: number for number, unit in enumerate(self.network.units) for task in unit}

    @property
    def parameters(self) -> Parameters:
        """All that is trained, by name."""
        return _named(self.network, self.balancing)

    @property
    def carried(self) -> dict[str, Tensor]:
        """What the balancing carries from step to step beside its parameters, by name."""
        learned = {name for name, _ in self.balancing.named_parameters()}
        return {name: buffer for name, buffer in self.balancing.state_dict().items() if name not in learned}

    @property
    def refits(self) -> bool:
        """Whether it is known beforehand when each unit stops, and valid is not asked."""
        return isinstance(self.stopping, Planned)

    @property
    def units(self) -> list[int]:
        """Numbers of what stops on its own and is still in the network: tasks, groups of them, or the network as one."""
        return [self.unit_of[self.active[unit[0]]] for unit in self.network.units]

    @property
    def goes_on(self) -> bool:
        return self.epoch < self.training.max_epochs and any(self.stopping.goes_on(self.epoch, unit) for unit in self.units)

    def meet(self, mask: Tensor) -> None:
        """Decide, from which rows of train have which labels (mask [task, rows]), where the tasks' gradients meet.

        Raises TrainingError where the spec asks for the representation and the sharing has no such place.
        """
        network, asked, balancing = self.network, self.training.at, self.training.balancing
        missing = (network.sharing not in MEETING or network.plan.tagged) and not network.body.own_stop
        if asked == "representation" and missing and balancing in ON_GRADIENTS:
            tagging = next((task.name for task in network.plan.tasks if task.tags), "")
            raise TrainingError(
                f"training.at: representation, with balancing: {balancing}",
                expected=f"a sharing with shared activations ({', '.join(MEETING)}), and tasks that all read rows",
                found=f"task {tagging!r}, which tags tokens" if tagging else f"sharing: {network.sharing}",
                do="write at: auto, or at: parameters",
            )
        self.at = place_of(network, mask) if asked == "auto" else asked
        self.balancing.meet(self.at, network.units)

    def note(self, scores: Sequence[float | None]) -> None:
        """Take these scores of the tasks (of this epoch, None without a label), keep the weights of whoever is at its best and has
        not stopped."""
        going = [i for i, unit in enumerate(self.units) if self.stopping.goes_on(self.epoch - 1, unit)]
        members = [self.network.units[i] for i in going]
        by_unit = [mean_score([scores[task] for task in unit]) for unit in members]
        better = self.stopping.improved(self.epoch, [self.units[i] for i in going], by_unit)
        if better:
            self._keep(sorted(task for i in better for task in members[i]))

    @torch.no_grad()
    def _keep(self, tasks: list[int]) -> None:
        """Copy the weights of these tasks (places in `active`, whole units) into `best`."""
        owners = self.network.owners()
        for name, parameter in self.network.named_parameters():
            home, of = self._home[name], owners[name] or [0]  # a unit that is left alone shares all with nobody
            if not home:
                self.best[name].copy_(parameter)
                continue
            rows = [row for row, task in enumerate(of) if task in tasks]
            self.best[name][[home.index(self.active[of[row]]) for row in rows]] = parameter[rows]

    def leave(self) -> bool:
        """Units that have stopped leave the batch, with their weights and the optimizer's state; true if any did.

        Where balancing carries something along from step to step, which is not taken apart, groups stay until the last
        has stopped: that costs time and nothing else.
        """
        units = [unit for unit, number in zip(self.network.units, self.units) if self.stopping.goes_on(self.epoch, number)]
        going = sorted(task for unit in units for task in unit)
        stays = not self.network.body.own_stop and len(self.balancing.state_dict()) > 0
        if stays or len(going) in (0, len(self.active)):
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
        self.balancing.meet(self.at, network.units)
        self.optimizer = make_optimizer(self.parameters, self.training, _rates(network))


def balancing_of(network: Network, training: Training) -> Balancing:
    """The balancing of the spec; `equal` where tasks share nothing, since there a weight would only scale a task's step."""
    tasks = [Balanced(task.weight, HEADS[task.kind].of_classes) for task in network.plan.tasks]
    if network.body.own_stop:
        return BALANCINGS["equal"](tasks)
    engine = {"every": training.every} if training.balancing in ON_GRADIENTS else {}
    return BALANCINGS[training.balancing](tasks, **engine, **training.all_options)


def _named(network: nn.Module, balancing: nn.Module) -> Parameters:
    named = {f"network.{name}": p for name, p in network.named_parameters()}
    return named | {f"balancing.{name}": p for name, p in balancing.named_parameters()}


def _rates(network: Network) -> dict[str, float]:
    """Own learning rates, by the names of `_named`."""
    return {f"network.{name}": rate for name, rate in network.own_rates().items()}
