"""Encoders: an input's tensors → its representation [copies, batch, member, width]. One kind of input a file."""

from __future__ import annotations

from typing import Any

from mtl.network.encoders.base import Arrays, Encoder, Held, Tensors
from mtl.network.encoders.tabular import Tabular
from mtl.network.encoders.text import Text
from mtl.network.encoders.vector import Vector

ENCODERS: dict[str, type[Encoder[Any]]] = {
    "tabular": Tabular,
    "vector": Vector,
    "text": Text,
}

__all__ = ["ENCODERS", "Arrays", "Encoder", "Held", "Tensors"]
