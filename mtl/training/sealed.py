"""Tensors and a few words in one file with a checksum, so that a broken one is noticed: safetensors, never pickle."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mtl.files import replacing

log = logging.getLogger(__name__)


def write_sealed(file: Path, tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> None:
    """`said` is whatever JSON holds."""
    there = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"said": said, "sum": _checksum(there)})
    with replacing(file) as partial:
        save_file(there, partial, metadata={"sealed": text})


def read_sealed(file: Path, then: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors, on the CPU, and words; None if there is no file, or a broken one: a warning tells what happens `then`."""
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as opened:
            text = json.loads((opened.metadata() or {})["sealed"])
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no mapping, has no __iter__
        if text["sum"] != _checksum(tensors):
            raise ValueError("its checksum does not fit")
        return tensors, text["said"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        log.warning("%s is broken (%s): %s", file, error, then)
        return None


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].reshape(-1).numpy().data, total)
    return total
