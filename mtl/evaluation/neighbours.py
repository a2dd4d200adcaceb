"""The nearest neighbours by the inputs' own numbers: what a user would pick instead of learned points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mtl.data.encodings import TaskEncoding
from mtl.evaluation.metrics import Array

NEIGHBOURS = 10
"""Rows that have a say, each by one over its distance: as many as the headline looks at."""
DENSE = 0.2
"""Share of cells that are not 0 above which a matrix is no sparse one."""


def fit_neighbours(task: TaskEncoding, X: Sequence[Any], targets: Sequence[Array], labelled: Sequence[Any]) -> Array:
    """Share of each identity among the nearest labelled rows of X[0] and X[1], float64 [rows of X[2], identities].

    X: train, valid and test as `mtl.evaluation.linear.features` makes them; targets and masks are those of train and valid.
    """
    from scipy.sparse import vstack
    from sklearn.neighbors import KNeighborsClassifier

    known, asked = _handy(vstack([X[side][np.flatnonzero(labelled[side])] for side in (0, 1)]).tocsr(), X[2])
    identity = np.concatenate([targets[side][labelled[side]] for side in (0, 1)]).astype(np.intp)
    found = np.full((X[2].shape[0], len(task.classes)), 1 / max(1, len(task.classes)))
    if not len(identity) or not known.shape[1]:
        return found
    model = KNeighborsClassifier(min(NEIGHBOURS, len(identity)), weights="distance", algorithm="brute").fit(known, identity)
    found[:] = 0
    found[:, model.classes_] = model.predict_proba(asked)
    return found


def _handy(known: Any, asked: Any) -> tuple[Any, Any]:
    """The two matrices as they are, or, where most of their cells hold something, as arrays: distances are then far quicker."""
    dense = known.nnz > DENSE * known.shape[0] * known.shape[1]
    return (known.toarray(), asked.toarray()) if dense else (known, asked)
