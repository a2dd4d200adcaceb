"""Networks over tokens: one representation a token, from it and the others of its row. One network a file."""

from __future__ import annotations

from mtl.network.sequences.base import SequenceNetwork, of_copies
from mtl.network.sequences.cnn import Cnn
from mtl.network.sequences.layout import Layout
from mtl.network.sequences.pooling import POOLINGS, Pooling
from mtl.network.sequences.recurrent import Gru, Lstm
from mtl.network.sequences.transformer import Transformer

SEQUENCES: dict[str, type[SequenceNetwork]] = {
    "cnn": Cnn,
    "lstm": Lstm,
    "gru": Gru,
    "transformer": Transformer,
}

__all__ = ["POOLINGS", "SEQUENCES", "Layout", "Pooling", "SequenceNetwork", "of_copies"]
