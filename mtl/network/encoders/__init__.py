"""Encoders: an input's tensors → its representation [copies, batch, member, width]. One kind of input a file."""

from __future__ import annotations

from typing import Any

from mtl.network.encoders.audio import Audio
from mtl.network.encoders.base import Arrays, Encoder, Held, Tensors
from mtl.network.encoders.image import Image
from mtl.network.encoders.pretrained import Pretrained
from mtl.network.encoders.tabular import Tabular
from mtl.network.encoders.text import Text
from mtl.network.encoders.tokens import Tokens
from mtl.network.encoders.vector import Vector

ENCODERS: dict[str, type[Encoder[Any]]] = {
    "tabular": Tabular,
    "vector": Vector,
    "text": Text,
    "tokens": Tokens,
    "audio": Audio,
    "image": Image,
    "pretrained_tokens": Pretrained,
}

__all__ = ["ENCODERS", "Arrays", "Encoder", "Held", "Tensors"]
