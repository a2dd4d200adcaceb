"""Packages that not every project needs: imported when they are, and named with their `pip install` when they are not there."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtl.errors import MtlError

EXTRAS = {"transformers": "transformers>=5.20,<6", "timm": "timm>=1.0.26,<2", "torchvision": "torchvision"}
"""Module -> what pip installs, as pyproject.toml says it."""
DESCRIBED = ("nms", "qnms")
"""Operators that torchvision describes to torch when it is imported, whether its compiled part is there or not."""
_LIBRARIES: list[Any] = []
"""What the name of an operator lives by."""


def extra(module: str, wanted_by: str) -> Any:
    """The module. Raises MtlError, one line, if its package is not installed."""
    _name_operators()
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise MtlError(f"{wanted_by} needs a package that is not installed: pip install '{EXTRAS[module]}'") from None


def installed(module: str) -> str:
    """The version of its package, for a key of what its code makes; empty if it is not installed."""
    try:
        return version(module)
    except PackageNotFoundError:
        return ""


def _name_operators() -> None:
    """Where torchvision is installed and its compiled part does not load, name the operators that it describes.

    Its wheels on PyPI are for CUDA. Beside a torch for CPUs its import, which that of timm and of transformers brings about,
    would fail for want of two names that nothing here calls.
    """
    found = find_spec("torchvision")
    if _LIBRARIES or found is None or found.origin is None:
        return
    import torch

    torchs: Any = torch  # which has no types for what follows
    try:
        torchs.ops.load_library(str(next(Path(found.origin).parent.glob("_C*"), "")))
    except OSError:
        library = torchs.library.Library("torchvision", "DEF")
        for name in DESCRIBED:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)
