"""timm: a network that `timm` knows by name, from random weights or from those it came with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mtl.network.input_plans import ImagePlan
from mtl.network.pictures.base import PictureNetwork
from mtl.network.pictures.named import built, size_of
from mtl.network.pretrained import parameter_key
from mtl.network.sequences.base import Weights

KEEPS = "attention_bias_cache"


class Timm(PictureNetwork):
    """Every copy has weights of its own; numbers that nothing learns, all copies share."""

    def __init__(self, plan: ImagePlan, copies: int) -> None:
        """Raises MtlError if timm is not installed, ValueError, in words, if the network cannot be built."""
        super().__init__(plan, copies)
        channels = len(plan.mean)
        given = {name: torch.from_numpy(array) for name, array in plan.weights().items()}
        made = [built(plan.model, channels, plan.size, trained=bool(given)) for _ in range(1 if given else copies)]
        module = made[0]
        self.size = size_of(module, channels, plan.size)
        _must_fit(plan, given, module)
        starts = [dict(one.named_parameters()) for one in made] if not given else [given] * copies
        self._names = {parameter_key(name, p.dim()): name for name, p in module.named_parameters()}
        learned = {key: torch.stack([start[name].detach() for start in starts]) for key, name in self._names.items()}
        self.learned = nn.ParameterDict({key: nn.Parameter(weight) for key, weight in learned.items()})
        self._fixed = {name: f"fixed|{name.replace('.', '|')}" for name, _ in module.named_buffers()}
        for name, key in self._fixed.items():
            self.register_buffer(key, given[name] if given else module.get_buffer(name), persistent=False)
        self._module = (module.to("meta"),)  # in a tuple: its parameters are not this network's
        self._rate = dict(plan.options)["lr"] if given else None

    def own_rates(self) -> dict[str, float]:
        return {} if self._rate is None else {f"learned.{key}": self._rate for key in self.learned}

    def train(self, mode: bool = True) -> Timm:
        """In evaluation, some networks of timm's keep what they once made of a learned bias; in training they make it anew, and
        do nothing else otherwise."""
        for one in self._module[0].modules():
            learns = mode and not isinstance(one, nn.modules.batchnorm._BatchNorm)
            one.training = learns or hasattr(one, KEEPS)
        return super().train(mode)

    def forward(self, x: Tensor, weights: Weights) -> Tensor:
        own = {name: weights[f"learned.{key}"] for key, name in self._names.items()}
        fixed = {name: self.get_buffer(key) for name, key in self._fixed.items()}
        found: Tensor = functional_call(self._module[0], own | fixed, (x,))
        return found


def _must_fit(plan: ImagePlan, given: Mapping[str, Tensor], module: nn.Module) -> None:
    own = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, tensor in own.items() if given else ():
        if name not in given or given[name].shape != tensor.shape:
            found = list(given[name].shape) if name in given else "nothing"
            raise ValueError(f"{name} of {plan.model} as {list(tensor.shape)} in the weights it begins with; found {found}")
