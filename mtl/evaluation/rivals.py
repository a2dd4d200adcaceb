"""The plain rival of each task: which one a user would pick instead, by the task's kind and by what it may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs.base import Arrays
from mtl.evaluation.binaries import each_class
from mtl.evaluation.kernels import fit_kernel
from mtl.evaluation.linear import features, fit_linear
from mtl.evaluation.metrics import Array
from mtl.evaluation.mfcc import with_statistics
from mtl.evaluation.neighbours import fit_neighbours
from mtl.evaluation.pixels import with_pixels
from mtl.evaluation.plain import KERNEL, LINEAR, NEIGHBOURS, TAGGER, TREES, rival_of
from mtl.evaluation.predictions import Predictions
from mtl.evaluation.tagger import fit_tagger
from mtl.evaluation.trees import fit_trees, table_of

Rival = Callable[[TaskEncoding, Any, Sequence[Array], Sequence[Any]], Array]
"""Task, what it reads, targets and masks of train and valid -> predictions of all test rows."""


def fit_rivals(
    encodings: Encodings,
    train: AlignedSet,
    valid: AlignedSet,
    test: AlignedSet,
    progress: Callable[[str], None] | None = None,
) -> Predictions:
    """Fit each task's rival on its labelled train and valid rows; predictions of all test rows.

    A rival sees the inputs that its task may see. Tags have a linear model a token (`mtl.evaluation.tagger`), identities their
    nearest neighbours (`mtl.evaluation.neighbours`). Of other tasks, those that see a text, a recording or a vector of a frozen
    encoder have a linear model (`mtl.evaluation.linear`), those that see a picture a support vector machine
    (`mtl.evaluation.kernels`), and the rest boosted trees (`mtl.evaluation.trees`). Of several labels each has a rival of its own.

    `progress` gets the name of each task that is done. One thread, fixed seed: the same bytes each time.
    """
    from threadpoolctl import threadpool_limits

    import_module("sklearn.ensemble")  # before the limit, which holds only for what is loaded by then
    rivals = _Rivals(encodings, train, valid, test)
    predictions: Predictions = {}
    with threadpool_limits(limits=1):
        for task in encodings.tasks:
            predictions[task.name] = rivals.predict(task)
            if progress:
                progress(task.name)
    return predictions


class _Rivals:
    """What rivals read: features and tables are made once for each tuple of inputs."""

    def __init__(self, encodings: Encodings, train: AlignedSet, valid: AlignedSet, test: AlignedSet) -> None:
        parts = with_statistics(encodings.inputs, [train.inputs, valid.inputs, test.inputs], fitted=2)
        self.parts = with_pixels(encodings.inputs, parts)
        self.known = [train, valid]
        self.kinds = {name: _kind(of) for name, of in train.inputs.items()} | {n: one.kind for n, one in encodings.inputs.items()}
        self.features = cache(partial(features, parts=self.parts, fitted=2))
        self.table = cache(partial(table_of, fitted=self.parts[:2], test=self.parts[2]))

    def predict(self, task: TaskEncoding) -> Any:
        at = self.known[0].tasks.index(task.name)
        masks = [side.labelled[:, at] for side in self.known]
        rival = rival_of(task.kind, [self.kinds[name] for name in task.inputs])
        if rival == TAGGER:
            tokens = [part[task.tags]["tokens"] for part in self.parts]
            return fit_tagger(task, tokens, [side.lists[task.name] for side in self.known], masks)
        fits: dict[str, Rival] = {TREES: fit_trees, KERNEL: fit_kernel, LINEAR: fit_linear, NEIGHBOURS: fit_neighbours}
        fit, read = fits[rival], self.table(task.inputs) if rival == TREES else self.features(task.inputs)
        if task.kind == "multilabel":
            return each_class(task, self.known, lambda one, targets: fit(one, read, targets, masks))
        return fit(task, read, [side.targets[:, at].astype(np.float64) for side in self.known], masks)


def _kind(arrays: Arrays) -> str:
    """A kind of input that has these arrays, of one that the encodings do not name."""
    return next((kind for part, kind in (("tokens", "text"), ("samples", "audio"), ("pixels", "image")) if part in arrays), "")
