"""Encodings of inputs: raw cells → numbers. One kind of input a file."""

from __future__ import annotations

from mtl.data.inputs.audio import AudioEncoding
from mtl.data.inputs.base import InputEncoding
from mtl.data.inputs.bits import BitsEncoding
from mtl.data.inputs.image import ImageEncoding
from mtl.data.inputs.pretrained import PretrainedTokensEncoding, PretrainedVectorEncoding
from mtl.data.inputs.tabular import TabularEncoding
from mtl.data.inputs.text import TextEncoding
from mtl.data.inputs.timm import TimmEncoding
from mtl.data.inputs.tokens import TokensEncoding
from mtl.data.inputs.vector import VectorEncoding

INPUTS: dict[str, type[InputEncoding]] = {
    "tabular": TabularEncoding,
    "vector": VectorEncoding,
    "bits": BitsEncoding,
    "text": TextEncoding,
    "tokens": TokensEncoding,
    "audio": AudioEncoding,
    "image": ImageEncoding,
    "timm": TimmEncoding,
    "pretrained_vector": PretrainedVectorEncoding,
    "pretrained_tokens": PretrainedTokensEncoding,
}
"""Kind -> its class."""

__all__ = [
    "INPUTS", "AudioEncoding", "BitsEncoding", "ImageEncoding", "InputEncoding", "PretrainedTokensEncoding",
    "PretrainedVectorEncoding", "TabularEncoding", "TextEncoding", "TimmEncoding", "TokensEncoding", "VectorEncoding",
]  # fmt: skip
