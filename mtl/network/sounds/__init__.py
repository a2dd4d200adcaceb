"""Recordings: what is heard of them moment by moment, and networks over it. One network a file."""

from __future__ import annotations

from mtl.network.sounds.base import SoundNetwork
from mtl.network.sounds.cnn import Cnn
from mtl.network.sounds.crnn import Crnn
from mtl.network.sounds.masking import masked
from mtl.network.sounds.mels import LogMel, block_size

SOUNDS: dict[str, type[SoundNetwork]] = {
    "cnn": Cnn,
    "crnn": Crnn,
}

__all__ = ["SOUNDS", "LogMel", "SoundNetwork", "block_size", "masked"]
