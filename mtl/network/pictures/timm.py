"""timm: a network that `timm` knows by name, from random weights or from those it came with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from mtl.network.input_plans import ImagePlan
from mtl.network.pictures.base import PictureNetwork
from mtl.network.pictures.named import named, size_of
from mtl.network.pretrained import parameter_key
from mtl.network.sequences.base import Weights


class Timm(PictureNetwork):
    """Every copy has weights of its own; numbers that nothing learns, all copies share."""

    def __init__(self, plan: ImagePlan, copies: int) -> None:
        """Raises MtlError if timm is not installed, ValueError, in words, if the network cannot be built."""
        super().__init__(plan, copies)
        channels = len(plan.mean)
        given = {name: torch.from_numpy(array) for name, array in plan.weights().items()}
        built = [named(plan.model, channels, plan.size, trained=bool(given)) for _ in range(1 if given else copies)]
        module = built[0]
        self.size = size_of(module, channels, plan.size)
        starts = [dict(one.named_parameters()) for one in built] if not given else [given] * copies
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
        for one in self._module[0].modules():
            one.training = mode and not isinstance(one, nn.modules.batchnorm._BatchNorm)
        return super().train(mode)

    def forward(self, x: Tensor, weights: Weights) -> Tensor:
        own = {name: weights[f"learned.{key}"] for key, name in self._names.items()}
        fixed = {name: self.get_buffer(key) for name, key in self._fixed.items()}
        found: Tensor = functional_call(self._module[0], own | fixed, (x,))
        return found
