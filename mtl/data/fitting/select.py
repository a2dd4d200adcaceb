"""Keeping the most informative columns of an input, by mutual information with the tasks on train rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mtl.data.encodings import TaskEncoding
from mtl.data.inputs.base import Arrays
from mtl.data.inputs.tabular import TabularEncoding
from mtl.spec import LISTS, NUMBERS

COMMONEST = 8
"""Classes of a task with several labels that columns are ranked for, those most rows have."""
SAMPLE = 5000
"""Rows of a task that the estimate looks at; it is a ranking, not a measurement."""


def select_columns(
    encoding: TabularEncoding,
    arrays: Arrays,
    tasks: list[TaskEncoding],
    labels: dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]],
    keep: int,
) -> TabularEncoding:
    """`encoding` with its `keep` best columns; the others stand in `dropped` with their rank.

    A column's score is the mean over tasks of its mutual information as a share of the best column's
    (Kraskov et al. 2004 for numbers, as scikit-learn estimates it); of several labels the mean over their COMMONEST classes.
    Other lists have no say.
    """
    columns = [c.column for c in encoding.numeric] + [c.column for c in encoding.categorical]
    if len(columns) <= keep:
        return encoding
    matrix = np.concatenate([arrays["numeric"], arrays["categorical"].astype(np.float32)], axis=1)
    discrete = np.arange(matrix.shape[1]) >= len(encoding.numeric)
    judges = [task for task in tasks if task.kind not in LISTS or labels[task.name][0].ndim == 2]
    shares = [_shares(matrix, discrete, task, *labels[task.name]) for task in judges if encoding.name in task.inputs]
    score = np.mean(shares, axis=0) if shares else np.zeros(len(columns))
    order = np.argsort(-score, kind="stable")
    kept = {columns[i] for i in order[:keep]}
    dropped = {
        columns[i]: f"rank {rank + 1} of {len(columns)} by mutual information" for rank, i in enumerate(order) if rank >= keep
    }
    return replace(
        encoding,
        numeric=tuple(c for c in encoding.numeric if c.column in kept),
        categorical=tuple(c for c in encoding.categorical if c.column in kept),
        dropped={**encoding.dropped, **dropped},
    )


def _shares(
    matrix: np.ndarray[Any, Any], discrete: np.ndarray[Any, Any], task: TaskEncoding, target: Any, labelled: Any
) -> np.ndarray[Any, Any]:
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    if target.ndim == 2:
        most = np.argsort(-target[labelled].sum(axis=0), kind="stable")[:COMMONEST]
        return np.asarray(np.mean([_shares(matrix, discrete, task, target[:, c], labelled) for c in most], axis=0))
    rows = np.flatnonzero(labelled)
    rows = rows[:: max(1, len(rows) // SAMPLE)]
    estimate = mutual_info_regression if task.kind in NUMBERS else mutual_info_classif
    y = target[rows] if task.kind in NUMBERS else target[rows].astype(np.int64)
    information = estimate(matrix[rows], y, discrete_features=discrete, random_state=0)
    return np.asarray(information / max(float(information.max()), 1e-12))
