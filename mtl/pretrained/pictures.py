"""One input of the stage `embed` that `timm` reads: that the network can be built, and what it begins with if it came trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from mtl.data.embedded import MODEL
from mtl.data.pretrained import CONFIG, WEIGHTS, content_of
from mtl.errors import DataError
from mtl.network.pictures.named import named, size_of
from mtl.pretrained.source import find_model
from mtl.spec import ImageInput


def embed_pictures(name: str, one: ImageInput, target: Path) -> dict[str, Any]:
    """Write the weights into the new folder `target`, if it has any to begin with. What encode must know of it.

    Raises MtlError without timm, DataError for a name that it does not know, for pictures that the network cannot read, and for
    a folder without its weights.
    """
    where = f"params.yaml, inputs.{name}"
    folder = None if one.weights is None else find_model(one.weights, f"inputs.{name}.weights")
    if folder is not None:
        _must_be_of(one, folder, where)
    try:
        network = _built(one, folder, 0)
        size = size_of(network, one.colours, one.pixels)
    except (ValueError, RuntimeError, OSError, KeyError, TypeError, AssertionError, SafetensorError) as error:
        raise DataError(
            f"{where}.{'model' if folder is None else 'weights'}: {one.model if folder is None else one.weights}",
            expected="a network that timm builds for these pictures", found=f"{str(error).strip()[:400]}",
            do="correct the name, the size of the pictures or the folder",
        ) from error  # fmt: skip
    target.mkdir(parents=True)
    if folder is None:
        return {"content": "", "size": size}
    (target / MODEL).mkdir()
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    _must_all_be_given(one, tensors, _built(one, folder, 1), where)
    save_file({key: tensor.detach().contiguous() for key, tensor in tensors.items()}, target / MODEL / WEIGHTS)
    return {"content": content_of(target / MODEL, (WEIGHTS,)), "size": size}


def _built(one: ImageInput, folder: Path | None, seed: int) -> torch.nn.Module:
    assert one.model is not None  # the spec sees to it
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return named(one.model, one.colours, one.pixels, trained=folder is not None, weights=folder)


def _must_be_of(one: ImageInput, folder: Path, where: str) -> None:
    """The folder's config.json names this network."""
    said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    found = said.get("architecture") if isinstance(said, dict) else None
    if found != str(one.model).partition(".")[0]:
        raise DataError(
            f"{where}.weights: {one.weights}", expected=f"those of {one.model}: \"architecture\" in its {CONFIG}",
            found=str(found or "no such word"), do="correct model, or name other weights",
        )  # fmt: skip


def _must_all_be_given(one: ImageInput, tensors: dict[str, torch.Tensor], again: torch.nn.Module, where: str) -> None:
    """Where the folder has no numbers for a weight, it was drawn, and comes out otherwise by another seed."""
    other = {**dict(again.named_parameters()), **dict(again.named_buffers())}
    drawn = [key for key, tensor in tensors.items() if not torch.equal(tensor, other[key])]
    if drawn:
        raise DataError(
            f"{where}.weights: {one.weights}", expected=f"numbers for all of {one.model}",
            found=f"none for {', '.join(drawn[:3])}", do="name other weights",
        )  # fmt: skip
