"""Pictures: how they are changed in training, and networks over their pixels. One network a file."""

from __future__ import annotations

from mtl.network.pictures.augment import shaken
from mtl.network.pictures.base import PictureNetwork
from mtl.network.pictures.cnn import Cnn

PICTURES: dict[str, type[PictureNetwork]] = {"cnn": Cnn}

__all__ = ["PICTURES", "PictureNetwork", "shaken"]
