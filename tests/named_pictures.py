"""A small network of timm's, as a folder that it came trained in."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl.network.pictures.named import timm_itself

NAME = "resnet10t"
"""Normalises over batches, as most do; the smallest of its kind."""


def needs_timm() -> None:
    """Skip where the extra is not installed."""
    if find_spec("timm") is None or find_spec("torchvision") is None:
        pytest.skip("make timm")


def trained_folder(folder: Path, name: str = NAME, seed: int = 3, **arguments: Any) -> Path:
    """config.json and model.safetensors as timm saves them; every number away from where it starts."""
    timm = timm_itself()
    torch.manual_seed(seed)
    model = timm.create_model(name, num_classes=5, **arguments)
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            tensor.add_(torch.rand_like(tensor).mul(0.1) if key.endswith("running_var") else torch.randn_like(tensor).mul(0.02))
    folder.mkdir(parents=True)
    timm.models.save_for_hf(model, folder, safe_serialization=True, model_args=arguments)
    return folder
