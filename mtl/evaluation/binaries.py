"""A multilabel task as one binary task a class: how the plain rival learns it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import TaskEncoding
from mtl.data.lists import multi_hot
from mtl.evaluation.metrics import Array


def each_class(task: TaskEncoding, sides: list[AlignedSet], fit: Callable[[TaskEncoding, list[Array]], Array]) -> Array:
    """float64 [rows, classes]: of each class what `fit` predicts, given a binary task of it and its 0/1 on each side's rows."""
    targets = [multi_hot(side.lists[task.name], len(task.classes)).astype(np.float64) for side in sides]
    of_classes = [replace(task, kind="binary", classes=("", label)) for label in task.classes]
    return np.stack([fit(one, [target[:, c] for target in targets]) for c, one in enumerate(of_classes)], axis=1)
