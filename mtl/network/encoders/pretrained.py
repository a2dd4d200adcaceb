"""Pretrained text input: an encoder that came trained goes on learning, pooling over each row's tokens, then one layer.

What learns of it (low-rank updates, or all of its weights) every copy has for itself; what does not, all copies share.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mtl.network.encoders.base import Arrays, Encoder, Held
from mtl.network.encoders.text import held_tokens
from mtl.network.input_plans import PretrainedPlan
from mtl.network.layers import Start, hidden, uniform
from mtl.network.pretrained import A, B, hidden_size, parameter_key, pooled, run, skeleton
from mtl.network.ragged import PADDING
from mtl.network.sequences.base import Weights, split
from mtl.spec import Model


class Pretrained(Encoder[PretrainedPlan]):
    """Rows without tokens go past it: they are zeros before the last layer."""

    def __init__(self, plan: PretrainedPlan, copies: int, model: Model) -> None:
        """Raises MtlError if the package that builds it is not installed, ValueError if it cannot learn in this mode."""
        super().__init__(plan, copies, model)
        options = dict(plan.options)
        module = skeleton(plan.config, int(options.get("rank", 0)), options.get("alpha", 1.0))
        self._module = (module,)  # in a tuple: its parameters are not this network's
        given = {name: torch.from_numpy(array) for name, array in plan.weights().items()}
        named = dict(module.named_parameters())
        learned = _factors(named, copies) if plan.mode == "lora" else {n: _copied(given[n], copies) for n in named}
        self._names = {parameter_key(name, p.dim() - 1): name for name, p in learned.items()}
        self.learned = nn.ParameterDict({key: learned[name] for key, name in self._names.items()})
        self._fixed = {name: f"fixed|{name.replace('.', '|')}" for name in given if name not in learned}
        for name, key in self._fixed.items():
            self.register_buffer(key, given[name], persistent=False)
        self.pooling, self.size, self.lr = plan.pooling, hidden_size(plan.config), options["lr"]
        self.layer = hidden(copies, self.size, model, Start((1,) * self.size, "signs"))

    @staticmethod
    def tensors(plan: PretrainedPlan, arrays: Arrays | None, rows: int) -> Held:
        """As those of a text: tokens int32, of each row its own number, and present bool [rows]."""
        return held_tokens(arrays, rows)

    def hidden_from(self, sees: Tensor, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """A copy that does not see the text is given no token, and so passes the encoder by."""
        return {**tensors, "tokens": tensors["tokens"] * sees.view(-1, 1, 1)}

    def own_rates(self) -> dict[str, float]:
        return {f"learned.{key}": self.lr for key in self.learned}

    def train(self, mode: bool = True) -> Pretrained:
        self._module[0].train(mode)
        return super().train(mode)

    def forward(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """tokens int64 [copies or 1, batch, length], padding behind each row's end → [copies, batch, member, width].

        One copy takes the rows of any number of viewers.
        """
        tokens = tensors["tokens"]
        weights = self._of_copies()
        several = len(weights) == 1 < len(tokens)
        rows = tokens.flatten(0, 1).unsqueeze(0) if several else tokens.expand(len(weights), *tokens.shape[1:])
        states = torch.stack([self._pooled(*one) for one in zip(rows, weights, strict=True)])
        found: Tensor = self.layer((states.view(*tokens.shape[:2], self.size) if several else states).unsqueeze(-2))
        return found

    def _of_copies(self) -> list[Weights]:
        """All weights of each copy: its own, and those that all share."""
        fixed = {name: self.get_buffer(key) for name, key in self._fixed.items()}
        parts = {name: split(self.learned[key]) for key, name in self._names.items()}
        copies = min(len(part) for part in parts.values())
        return [fixed | {name: part[copy] for name, part in parts.items()} for copy in range(copies)]

    def _pooled(self, tokens: Tensor, weights: Weights) -> Tensor:
        """tokens [batch, length] and all weights of one copy → [batch, size]."""
        there = tokens != PADDING
        said = there.any(1)
        if not said.any():
            return next(self.learned.parameters()).new_zeros(len(tokens), self.size)
        tokens, there = tokens[said], there[said]
        states = run(self._module[0], weights, (tokens - 1).clamp(min=0), there)
        made = pooled(states, there, self.pooling)
        return made.new_zeros(len(said), self.size).index_copy(0, said.nonzero().squeeze(1), made)


def _copied(weight: Tensor, copies: int) -> nn.Parameter:
    return nn.Parameter(weight.expand(copies, *weight.shape).clone())


def _factors(named: Mapping[str, nn.Parameter], copies: int) -> dict[str, nn.Parameter]:
    """Of every low-rank update: A at random, B zero, so that training begins with the encoder as it came."""
    found = {n: nn.Parameter(uniform(p.shape[1], copies, *p.shape)) for n, p in named.items() if n.endswith(A)}
    return found | {n: nn.Parameter(torch.zeros(copies, *p.shape)) for n, p in named.items() if n.endswith(B)}
