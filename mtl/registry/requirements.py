"""What a registered model needs to be loaded, pinned to what is installed here. No network, no guessing."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

NEEDED = (
    "mtl", "mlflow", "numpy", "pandas", "pillow", "polars", "pyarrow", "pydantic", "safetensors", "soundfile",
    "tokenizers", "torch",
)  # fmt: skip


def pinned(more: Sequence[str] = ()) -> list[str]:
    """`name==version` of each, and of `more`; a local build's suffix (torch's `+cpu`) is left out, since no index has it."""
    pins = []
    for name in (*NEEDED, *more):
        try:
            pins.append(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:
            continue
    return pins
