"""`mtl trees`: boosted trees, one a task, on the same split -> their predictions of test."""

from __future__ import annotations

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.trees import fit_trees, write_predictions
from mtl.layout import ALIGNED, ENCODINGS, TREES
from mtl.stages._needs import need


def run() -> str:
    need("trees", ALIGNED, ENCODINGS)
    encodings = Encodings.read(ENCODINGS)
    train, valid, test = (AlignedSet.read(ALIGNED / side) for side in ("train", "valid", "test"))
    write_predictions(TREES, encodings.tasks, fit_trees(encodings, train, valid, test))
    return f"{len(encodings.tasks)} tasks"
