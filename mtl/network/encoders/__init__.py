"""Encoders: an input's tensors → its representation [copies, batch, member, width]. One kind of input a file."""

from __future__ import annotations

from mtl.network.encoders.base import Arrays, Encoder, Tensors
from mtl.network.encoders.tabular import Tabular

ENCODERS: dict[str, type[Encoder]] = {
    "tabular": Tabular,
}

__all__ = ["ENCODERS", "Arrays", "Encoder", "Tensors"]
