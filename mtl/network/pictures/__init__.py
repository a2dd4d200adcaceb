"""Pictures: how they are changed in training, and networks over their pixels. One network a file."""

from __future__ import annotations

from mtl.network.pictures.augment import shaken
from mtl.network.pictures.base import PictureNetwork
from mtl.network.pictures.cnn import Cnn
from mtl.network.pictures.timm import Timm

PICTURES: dict[str, type[PictureNetwork]] = {"cnn": Cnn, "timm": Timm}

__all__ = ["PICTURES", "PictureNetwork", "shaken"]
