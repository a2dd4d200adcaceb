"""What a registered model needs to be loaded, pinned to what is installed here. No network, no guessing."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

NEEDED = ("mtl", "mlflow", "numpy", "pandas", "polars", "pyarrow", "pydantic", "safetensors", "tokenizers", "torch")


def pinned() -> list[str]:
    """`name==version` of each; a local build's suffix (torch's `+cpu`) is left out, since no index has it."""
    pins = []
    for name in NEEDED:
        try:
            pins.append(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:
            continue
    return pins
