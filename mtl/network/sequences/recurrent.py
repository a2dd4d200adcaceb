"""lstm (Hochreiter & Schmidhuber 1997) and gru (Cho et al. 2014, arXiv:1406.1078): rows read token by token.

The functions behind `torch.nn.LSTM` and `torch.nn.GRU`, which cannot hold stacked weights: each copy's are handed over as
slices. Both ways start at a row's own end, so what a token becomes does not depend on the rows beside it: the way back is
the way there over the row turned round. Dropout between layers is ours; cuDNN's own has a state that does not begin anew
with the epoch.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch import Tensor, nn

from mtl.network.dropout import dropout
from mtl.network.layers import uniform
from mtl.network.sequences.base import SequenceNetwork, Weights
from mtl.network.sequences.layout import Layout
from mtl.network.sequences.stairs import Stairs

PARTS = ("input", "state", "input_bias", "state_bias")
"""The weights of a layer, in the order in which PyTorch takes them."""


class Recurrent(SequenceNetwork):
    """`layers` on top of each other, of `hidden` numbers each; with `both` each reads its rows from both ends."""

    gates: ClassVar[int]
    states: ClassVar[int]

    def __init__(self, options: Mapping[str, float], copies: int, dropout: float) -> None:
        super().__init__(options, copies, dropout)
        embedding, self.hidden, self.layers = (int(options[name]) for name in ("embedding", "hidden", "layers"))
        self.ways = 2 if options["both"] else 1
        self.size = self.ways * self.hidden
        rows = (copies, self.ways, self.gates * self.hidden)
        reads = [embedding, *[self.size] * (self.layers - 1)]
        self.input = nn.ParameterList(uniform(self.hidden, *rows, one) for one in reads)
        self.state = nn.ParameterList(uniform(self.hidden, *rows, self.hidden) for _ in reads)
        self.input_bias = nn.ParameterList(uniform(self.hidden, *rows) for _ in reads)
        self.state_bias = nn.ParameterList(uniform(self.hidden, *rows) for _ in reads)

    def forward(self, x: Tensor, layout: Layout, weights: Weights) -> Tensor:
        ways = [Stairs.of(layout, backwards=bool(way)) for way in range(self.ways)]
        with _in_full(x.device):
            for i in range(self.layers):
                x = dropout(x, self.drops if i else 0.0)
                of_ways = zip(*(weights[f"{part}.{i}"].unbind() for part in PARTS), strict=True)
                x = torch.cat([self._read(x, way, list(own)) for way, own in zip(ways, of_ways, strict=True)], 1)
        return x

    def _read(self, x: Tensor, stairs: Stairs, weights: list[Tensor]) -> Tensor:
        """One layer, one way: [token, inputs] → [token, hidden]."""
        found, state = [], [x.new_zeros(1, stairs.shapes[0][1], self.hidden)] * self.states
        for stair in stairs.lay(x):
            made, *state = self._go_on(stair, [one[:, : stair.shape[1]] for one in state], weights)
            found.append(made)
        return stairs.gather(found)

    @abstractmethod
    def _go_on(self, x: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, ...]:
        """x [steps, rows, inputs] and the state so far, each [1, rows, hidden] → [steps, rows, hidden] and the state behind it.

        It "trains" wherever a gradient may be asked for, since cuDNN else keeps nothing for one.
        """


class Lstm(Recurrent):
    gates, states = 4, 2

    def _go_on(self, x: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, ...]:
        return torch.lstm(x, state, weights, True, 1, 0.0, torch.is_grad_enabled(), False, False)


class Gru(Recurrent):
    gates, states = 3, 1

    def _go_on(self, x: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, ...]:
        return torch.gru(x, state[0], weights, True, 1, 0.0, torch.is_grad_enabled(), False, False)


@contextmanager
def _in_full(device: torch.device) -> Iterator[None]:
    """Without autocast: on CUDA it would compute in float16, whatever it was asked for, and small gradients would be 0.

    cuDNN also warns that weights do not lie one behind the other and are brought together at each call: slices never do.
    """
    with torch.autocast(device.type, enabled=False):
        if device.type != "cuda":
            yield
            return
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")
            yield
