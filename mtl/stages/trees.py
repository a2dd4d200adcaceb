"""`mtl trees`: the plain rival of each task, mostly boosted trees, on the same split -> its predictions of test."""

from __future__ import annotations

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.predictions import write_predictions
from mtl.evaluation.rivals import fit_rivals
from mtl.layout import ALIGNED, ENCODINGS, TREES
from mtl.stages._needs import need


def run() -> str:
    need("trees", ALIGNED, ENCODINGS)
    encodings = Encodings.read(ENCODINGS)
    train, valid, test = (AlignedSet.read(ALIGNED / side) for side in ("train", "valid", "test"))
    write_predictions(TREES, encodings.tasks, fit_rivals(encodings, train, valid, test))
    return f"{len(encodings.tasks)} tasks"
