"""Encoders of texts that come trained, as Hugging Face's `transformers` knows them: built of a config, run with given weights.

The module itself holds no numbers (its parameters and buffers lie on torch's `meta` device): whoever runs it hands in its
weights, so that one module serves any number of copies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from mtl.extras import extra

WANTED_BY = "an input of kind pretrained_text"
A, B = "low_rank_a", "low_rank_b"
"""How `LowRank` calls its two factors."""


class LowRank(nn.Module):
    """y = W x + b + (α / rank) · B A x (LoRA, Hu et al. 2021, arXiv:2106.09685, section 4.1) in the place of a linear layer."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__()
        self.weight, self.bias, self.scale = linear.weight, linear.bias, alpha / rank
        self.low_rank_a = nn.Parameter(linear.weight.new_empty(rank, linear.in_features))
        self.low_rank_b = nn.Parameter(linear.weight.new_empty(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        update = functional.linear(functional.linear(x, self.low_rank_a), self.low_rank_b)
        return functional.linear(x, self.weight, self.bias) + self.scale * update


def skeleton(config: str, rank: int = 0, alpha: float = 1.0) -> nn.Module:
    """The encoder that `config` (JSON) describes, without its pooler; with `rank`, a `LowRank` for each linear layer.

    Raises MtlError if `transformers` is not installed, ValueError if rank is given and there is no linear layer.
    """
    module = deepcopy(_built(config))
    linear = [(name, one) for name, one in module.named_modules() if type(one) is nn.Linear] if rank else []
    if rank and not linear:
        raise ValueError("a pretrained encoder with linear layers, for low-rank updates; found none")
    for name, one in linear:
        above, _, last = name.rpartition(".")
        setattr(module.get_submodule(above), last, LowRank(one, min(rank, one.in_features, one.out_features), alpha))
    return module.eval()


@lru_cache(maxsize=4)
def _built(config: str) -> nn.Module:
    transformers = extra("transformers", WANTED_BY)
    with torch.device("meta"):
        made = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**json.loads(config)), trust_remote_code=False)
    if getattr(made, "pooler", None) is not None:  # made for another end: tokens are pooled here
        made.pooler = None
    found: nn.Module = made.requires_grad_(False)
    return found


def hidden_size(config: str) -> int:
    """Numbers that the encoder gives a token."""
    built: Any = _built(config)
    return int(built.config.hidden_size)  # a config may call it otherwise, and then translates


def run(module: nn.Module, weights: Mapping[str, Tensor], tokens: Tensor, there: Tensor) -> Tensor:
    """The last layer of `module` with `weights` (all of its parameters and buffers by name): tokens int64 [row, length] →
    [row, length, hidden size]; `there` bool [row, length] is false behind a row's end. Every row has a token."""
    asked: dict[str, Any] = {"input_ids": tokens, "attention_mask": there.long()}
    found: Tensor = functional_call(module, dict(weights), (), asked).last_hidden_state
    return found


def parameter_key(name: str, dims: int) -> str:
    """A name that a module's parameter may have; that of a vector ends otherwise than a matrix's, which alone decays."""
    return name.replace(".", "|") + ("" if dims > 1 else "|1d")


def pooled(states: Tensor, there: Tensor, pooling: str) -> Tensor:
    """[row, length, size] → [row, size]: the mean over a row's tokens (Reimers & Gurevych 2019, arXiv:1908.10084), or `cls`,
    its first token."""
    if pooling == "cls":
        return states[:, 0]
    mask = there.unsqueeze(-1).to(states.dtype)
    return (states * mask).sum(1) / mask.sum(1)
