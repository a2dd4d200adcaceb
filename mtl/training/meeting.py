"""Where the tasks' gradients meet in a network: what balancing needs to know of it, made once and given for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mtl.balancing import Meeting, Readings, Trace
from mtl.balancing.place import ENOUGH, overlap
from mtl.network import Network, Outputs
from mtl.network.layers import Layer, StackedLinear
from mtl.network.sharing import TwoGuesses
from mtl.network.sharing.branch import Branch
from mtl.spec.options import MEETING


class Meetings:
    """Of one network: `meetings(outputs)` is the meeting behind these outputs, those of the last forward pass."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.parameters = network.shared_parameters()
        shared = {id(parameter) for parameter in self.parameters}
        self.own = [parameter for parameter in network.parameters() if id(parameter) not in shared]
        view = network.body.view(network.plan)
        self.views = [[view[task] for task in at] for at in network.kinds.values()]
        self.place = torch.tensor([task for at in network.kinds.values() for task in at], device=network.device)
        views = torch.tensor(view, device=network.device)
        self.together = None if len(set(view)) == 1 else views[:, None] == views
        self.last = _last_layer(network, shared)
        self._apart = False
        self._seen: dict[str, list[Trace]] = {}
        self._made: dict[str, Tensor] = {}
        self._ends: list[Tensor] = []
        self._copies: dict[str, Tensor] = {}

    def __call__(self, outputs: Outputs) -> Meeting:
        once = {name: seen[0] for name, seen in self._seen.items() if len(seen) == 1}
        traces = [replace(trace, y=self._made.get(name.removesuffix(".linear"))) for name, trace in once.items()]
        readings, copies, shared = self._readings(outputs), list(self._copies.values()), outputs.shared.meeting
        chain = _chain(traces, shared) if readings is not None and any(end is shared for end in self._ends) else []
        self._seen, self._made, self._ends, self._copies = {}, {}, [], {}
        return Meeting(self.parameters, shared, self.own, readings, traces, copies, self.last, chain)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Outputs:
        """The network's own, but, inside `traced` and where tasks have rows of their own, with a copy (no memory) of the
        shared parameters for each task: their gradients are then told apart by one pass."""
        if not self._apart:
            return cast(Outputs, self.network(inputs))
        tasks, shared = len(self.network.plan.tasks), {id(parameter) for parameter in self.parameters}
        named = [(name, p) for name, p in self.network.named_parameters() if id(p) in shared]
        self._copies = {name: p.expand(tasks, *p.shape[1:]) for name, p in named}
        return cast(Outputs, functional_call(self.network, self._copies, (inputs,)))

    def _readings(self, outputs: Outputs) -> Readings | None:
        """Given where heads read the shared activations themselves, and each member its own."""
        network, (seen, x) = self.network, outputs.shared[:2]
        slopes = [network.head(kind).slopes() for kind in network.kinds]
        if x is None or x is not seen or isinstance(network.body, TwoGuesses) or slopes[0].shape[1:-2] not in ((), x.shape[2:3]):
            return None
        return Readings(list(outputs.logits.values()), slopes, self.views, network.order, self.place, self.together)

    @contextmanager
    def traced(self, wanted: bool) -> Iterator[None]:
        """Inside, if `wanted`, the meetings have the traces of shared linear layers."""
        own_rows = self.network.body.own_rows and all(p.dim() and len(p) == 1 for p in self.parameters)
        self._apart = wanted and own_rows
        plain = [(n, m) for n, m in self.network.body.named_modules() if wanted and isinstance(m, StackedLinear) and m.r is None]
        plain = [(name, module) for name, module in plain if len(module.weight) == 1]
        hooks = [module.register_forward_hook(self._noting(name)) for name, module in plain]
        for name, module in self.network.body.named_modules() if wanted else ():
            if isinstance(module, Layer):
                hooks.append(module.register_forward_hook(self._noting_made(name)))
            elif isinstance(module, Branch):  # as a whole: then nothing but its next layer reads what a layer makes
                hooks.append(module.register_forward_hook(lambda _, __, end: self._ends.append(end)))
        try:
            yield
        finally:
            self._apart = False
            for hook in hooks:
                hook.remove()

    def _noting(self, name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def note(module: nn.Module, given: tuple[Tensor], z: Tensor) -> None:
            assert isinstance(module, StackedLinear)
            if z.requires_grad:
                self._seen.setdefault(name, []).append(Trace(given[0], z, module.weight, module.bias))

        return note

    def _noting_made(self, name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def note(module: nn.Module, given: tuple[Tensor], y: Tensor) -> None:
            if y.requires_grad:
                self._made[name] = y

        return note


def _chain(traces: Sequence[Trace], end: Tensor | None) -> list[Trace]:
    """The layers that follow each other up to `end`, the last one first; only of one type of number, so not under autocast."""
    made = {id(trace.y): trace for trace in traces if trace.y is not None and trace.z.dtype == trace.x.dtype == trace.weight.dtype}
    found: list[Trace] = []
    while id(end) in made:
        found.append(made[id(end)])
        end = found[-1].x
    return found


def place_of(network: Network, mask: Tensor) -> str:
    """Where gradients are best compared, told by which rows of train have which labels, mask [task, rows].

    At the representation, where the sharing has one, if all tasks of a unit see the same inputs and have labels on the same
    rows. Not with `ple`: beside the shared experts its tasks meet below what each was told for itself, and there their
    gradients at the representation are orthogonal whatever they do to the parameters. Nor where tasks tag tokens, since
    others read rows.
    """
    if network.sharing not in MEETING or network.body.entwined or network.plan.tagged:
        return "parameters"
    inputs = [task.inputs for task in network.plan.tasks]
    same = torch.tensor([[a == b for a in inputs] for b in inputs], device=mask.device)
    fits = all(overlap(mask[unit], same[unit][:, unit]) >= ENOUGH for unit in network.units)
    return "representation" if fits else "parameters"


def _last_layer(network: Network, shared: set[int]) -> list[nn.Parameter]:
    """The weights of the last hidden layer that all tasks pass: of a shared one (`shared` has the ids of parameters), before
    those that are a task's though others move them. Where the encoders of several inputs are the last, of all of them."""
    hidden = [(n, module.linear.weight) for n, module in network.body.named_modules() if isinstance(module, Layer)]
    layers = [(n, weight) for n, weight in hidden if id(weight) in shared]
    layers = [(n, weight) for n, weight in layers if not n.startswith(network.body.stacked)] or layers
    if not layers:
        return []
    inside, found, _ = layers[-1][0].partition(".encoders.")
    return [weight for n, weight in layers if n.startswith(inside + found)]
