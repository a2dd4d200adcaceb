"""What a training on a fold came to, and the file in which a run that is cut short keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mtl.data.ragged import Ragged
from mtl.evaluation.scoring import Predictions
from mtl.files import replacing

Array = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Taught:
    """What single-task networks say of the rows that are learned from: `mtl.training.lessons.Lesson`, as another process
    can be given it. soft [task, rows, class], mask [task, rows]."""

    soft: Array
    mask: Array

    def only(self, tasks: Sequence[int]) -> Taught:
        return Taught(self.soft[list(tasks)], self.mask[list(tasks)])


@dataclass(frozen=True)
class Done:
    """Predictions of the judging rows; the relatedness seen while training; what these networks teach, if they were asked."""

    predicted: Predictions
    related: dict[str, Any] | None = None
    taught: Taught | None = None

    def write(self, file: Path) -> None:
        arrays: dict[str, Any] = {key: array for name, one in self.predicted.items() for key, array in _parts(name, one).items()}
        arrays["said"] = np.array(json.dumps([list(self.predicted), self.related]))
        if self.taught is not None:
            arrays |= {"soft": self.taught.soft, "mask": self.taught.mask}
        with replacing(file) as partial, partial.open("wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def read(cls, file: Path) -> Done | None:
        """None if it is not there or cannot be read."""
        try:
            with file.open("rb") as raw, np.load(raw) as opened:
                names, related = json.loads(str(opened["said"]))
                taught = Taught(opened["soft"], opened["mask"]) if "soft" in opened else None
                return cls({name: _whole(name, opened) for name in names}, related, taught)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return None


def _parts(name: str, predicted: Any) -> dict[str, Any]:
    """An array, or the two that rows of different length are."""
    if isinstance(predicted, Ragged):
        return {f"of {name}": predicted.values, f"offsets of {name}": predicted.offsets}
    return {f"of {name}": predicted}


def _whole(name: str, opened: Mapping[str, Any]) -> Any:
    key = f"offsets of {name}"
    return Ragged(opened[f"of {name}"], opened[key]) if key in opened else opened[f"of {name}"]
