"""Networks over pictures that `timm` knows by name, built without their classifier.

None of them normalises over a batch here, so that a picture's numbers hang on no other picture, and copies and checkpoints have
nothing to keep but weights. One that came trained keeps the means and spreads that it came with, as is usual where it learns on
from few pictures; one that starts at random normalises groups of channels in their place (Wu & He 2018, arXiv:1803.08494).
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from mtl.extras import extra
from mtl.network.pictures.base import channel_groups

WANTED_BY = "an input with network: timm"


def built(model: str, channels: int, sides: tuple[int, int], *, trained: bool) -> nn.Module:
    """The network that makes pictures [picture, channels, height, width] into [picture, size], its weights drawn by torch's
    generator. `trained`: for weights that it came with, so that it normalises by means and spreads that are among these.

    Raises MtlError if timm is not installed, ValueError, in words, for a name it does not know.
    """
    timm = timm_itself()
    must_be_known(model)
    made: nn.Module = timm.create_model(model, **asked_of_timm(model, channels, sides))
    if not trained:
        _normalise_groups(made)
    return made


def must_be_known(model: str) -> None:
    """Raise ValueError, in words, unless timm knows a network of this name."""
    timm = timm_itself()
    if not timm.is_model(model):
        near = get_close_matches(model, timm.list_models(), n=3, cutoff=0.5)
        raise ValueError(f"a name that timm knows{', such as ' + ', '.join(near) if near else ''}; found {model}")


def asked_of_timm(model: str, channels: int, sides: tuple[int, int]) -> dict[str, Any]:
    """How timm is asked for it without its classifier, for these pictures."""
    known = timm_itself().get_pretrained_cfg(model, allow_unregistered=True)
    fixed = {"img_size": sides} if known is not None and known.fixed_input_size else {}
    return {"in_chans": channels, "num_classes": 0, **fixed}


def size_of(module: nn.Module, channels: int, sides: tuple[int, int]) -> int:
    """Numbers that it makes of a picture. Raises ValueError, in words, if it cannot read pictures of these sides."""
    try:
        with torch.no_grad():
            found: Tensor = module.eval()(torch.zeros(1, channels, *sides))
    except (RuntimeError, AssertionError) as error:
        said = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise ValueError(f"pictures that it can read; of {sides[0]} · {sides[1]} pixels it says: {said}") from error
    if found.dim() != 2:
        raise ValueError(f"one row of numbers for a picture; found {list(found.shape)} for one")
    return found.shape[1]


def timm_itself() -> Any:
    """The package. Raises MtlError if it, or torchvision, whose transforms it imports, is not installed."""
    if find_spec("timm") is not None:
        extra("torchvision", WANTED_BY)
    return extra("timm", WANTED_BY)


def _normalise_groups(module: nn.Module) -> None:
    """Put a normalisation of groups of channels in the place of every one over the batch, with what that one does besides."""
    layers = import_module("timm.layers")
    for name, one in list(module.named_modules()):
        if not isinstance(one, nn.modules.batchnorm._BatchNorm):
            continue
        channels = one.num_features
        made: nn.Module = nn.GroupNorm(channel_groups(channels), channels, one.eps)
        if isinstance(one, layers.BatchNormAct2d):
            made = layers.GroupNormAct(channels, channel_groups(channels), one.eps)
            made.act, made.drop = one.act, one.drop
        if one.affine:  # some start at 0, so that a block first does nothing
            made.load_state_dict({"weight": one.weight, "bias": one.bias})
        above, _, last = name.rpartition(".")
        setattr(module.get_submodule(above), last, made)
