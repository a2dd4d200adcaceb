"""Pictures for a network that `timm` knows by name; if it came trained, with the weights it begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from mtl.data.inputs.image import ImageEncoding
from mtl.data.inputs.pretrained import PLACE
from mtl.data.pretrained import WEIGHTS, weights_in


@dataclass(frozen=True)
class TimmEncoding(ImageEncoding):
    """The pixels are those of any picture; `model` is timm's name of what reads them."""

    kind: ClassVar[str] = "timm"
    model: str = field(kw_only=True)
    content: str = field(kw_only=True)
    """SHA-256 of the weights it begins with; empty: it begins at random."""
    folder: str = field(default="", compare=False, kw_only=True)
    """Where the weights lie now. No part of what is kept: it is set by whoever reads it."""

    @property
    def packages(self) -> tuple[str, ...]:
        return ("timm", "torchvision")

    def weights(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """Name of a parameter or buffer -> its numbers, never to be written to; none if it begins at random."""
        return weights_in(self.folder, self.content) if self.content else {}

    def as_dict(self) -> dict[str, Any]:
        data = super().as_dict()
        del data["folder"]
        return data

    @property
    def files(self) -> dict[Path, Path]:
        return {self._place / WEIGHTS: Path(self.folder) / WEIGHTS} if self.content else {}

    def with_files(self, folder: Path) -> Self:
        return replace(self, folder=(folder / self._place).as_posix())

    @property
    def _place(self) -> Path:
        return Path(PLACE, self.name)
