"""One input of the stage `embed` that `timm` reads: that the network can be built, and what it begins with if it came trained."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from mtl.data.embedded import MODEL
from mtl.data.pretrained import CONFIG, WEIGHTS, content_of
from mtl.errors import DataError
from mtl.network.input_plans import ImagePlan
from mtl.network.pictures.named import asked_of_timm, built, must_be_known, size_of, timm_itself
from mtl.network.pictures.timm import Timm
from mtl.network.sequences import of_copies
from mtl.pretrained.source import find_model
from mtl.spec import ImageInput

CLOSE = 1e-4
"""How far the network as it is kept may be from the one that came."""


def embed_pictures(name: str, one: ImageInput, target: Path) -> dict[str, Any]:
    """Write the weights into the new folder `target`, if it has any to begin with. What there is to know of it.

    Raises MtlError without timm, DataError for a name that it does not know, for pictures that the network cannot read, and for
    a folder that is not one of its weights.
    """
    where, model = f"params.yaml, inputs.{name}", str(one.model)
    try:
        must_be_known(model)
    except ValueError as error:
        raise _wrong(f"{where}.model: {model}", error, "correct the name") from error
    try:
        size = size_of(built(model, one.colours, one.pixels, trained=True), one.colours, one.pixels)
    except (ValueError, RuntimeError, TypeError, AssertionError) as error:
        raise _wrong(f"{where}.size: {list(one.pixels)}", error, f"write another size, or another model than {model}") from error
    if one.weights is None:
        return {"content": "", "size": size}
    folder = find_model(one.weights, f"inputs.{name}.weights")
    try:
        tensors = _weights(one, folder)
    except (ValueError, RuntimeError, OSError, KeyError, TypeError, AssertionError, SafetensorError) as error:
        raise _wrong(f"{where}.weights: {one.weights}", error, "name a folder that timm.models.save_for_hf wrote of it") from error
    (target / MODEL).mkdir(parents=True)
    save_file(tensors, target / MODEL / WEIGHTS)
    return {"content": content_of(target / MODEL, (WEIGHTS,)), "size": size}


def _weights(one: ImageInput, folder: Path) -> dict[str, Tensor]:
    """All parameters and buffers of the network in the folder. Raises ValueError, in words, if it is another one, lacks some, or
    is not the same when it is built by its name."""
    said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    found = said.get("architecture") if isinstance(said, dict) else None
    if found != str(one.model).partition(".")[0]:
        raise ValueError(f'{one.model} as "architecture" in its {CONFIG}; found {found or "no such word"}')
    asked = asked_of_timm(str(one.model), one.colours, one.pixels)
    with _noted() as lacking:
        network = timm_itself().create_model(f"local-dir:{folder}", pretrained=True, **asked).eval()
    if lacking:
        raise ValueError(f"numbers for all of {one.model}; found none for {', '.join(lacking[:3])}")
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    kept = {key: tensor.detach().clone().contiguous() for key, tensor in tensors.items()}
    _must_be_the_same(one, network, kept)
    return kept


@contextmanager
def _noted() -> Iterator[list[str]]:
    """What a network has no numbers for when it is loaded in between: timm passes over it."""
    lacking: list[str] = []
    plain = nn.Module.load_state_dict

    def noting(self: nn.Module, *given: Any, **more: Any) -> Any:
        told = plain(self, *given, **more)
        lacking.extend(told.missing_keys)
        return told

    nn.Module.load_state_dict = noting  # type: ignore[method-assign]
    try:
        yield lacking
    finally:
        nn.Module.load_state_dict = plain  # type: ignore[method-assign]


@torch.inference_mode()
def _must_be_the_same(one: ImageInput, network: nn.Module, kept: dict[str, Tensor]) -> None:
    """Training's own network makes of a picture what the one that came makes of it."""
    channels, arrays = one.colours, {key: tensor.numpy() for key, tensor in kept.items()}
    plan = ImagePlan(
        "", one.pixels, (0.0,) * channels, (1.0,) * channels, "timm", (("lr", 1.0),), (), str(one.model), lambda: arrays
    )
    mine = Timm(plan, 1).eval()
    picture = torch.linspace(-1, 1, channels * one.pixels[0] * one.pixels[1]).view(1, channels, *one.pixels)
    wanted = network(picture)
    off = float((mine(picture, of_copies(mine, 1)[0]) - wanted).abs().max() / wanted.abs().max().clamp(min=1))
    if not off < CLOSE:
        raise ValueError(f"a network as {one.model} is by itself; found another one (other model_args?), off by {off:.3g}")


def _wrong(what: str, error: Exception, do: str) -> DataError:
    expected, _, found = (str(error).strip() or type(error).__name__).partition("; found ")
    if isinstance(error, ValueError) and found:
        return DataError(what, expected=expected, found=found, do=do)
    return DataError(
        what, expected="a network that timm builds for these pictures", found=f"{type(error).__name__}: {expected[:400]}", do=do
    )
