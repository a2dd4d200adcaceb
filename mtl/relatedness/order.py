"""Order and clusters of tasks from a matrix of how alike they are; hierarchical clustering, average linkage."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def leaf_order(matrix: Array) -> list[int]:
    """The tasks so that those that are alike stand beside each other; `matrix` [task, task], NaN counts as 0."""
    if len(matrix) < 3:
        return list(range(len(matrix)))
    from scipy.cluster.hierarchy import leaves_list, optimal_leaf_ordering

    far = _distances(matrix)
    return [int(leaf) for leaf in leaves_list(optimal_leaf_ordering(_tree(far), far))]


def clusters(matrix: Array, count: int) -> list[list[int]]:
    """At most `count` groups of tasks that are alike, each in order, by their first task."""
    if len(matrix) < 2 or count < 2:
        return [list(range(len(matrix)))]
    from scipy.cluster.hierarchy import fcluster

    labels = fcluster(_tree(_distances(matrix)), count, criterion="maxclust")
    found = [[int(t) for t in np.flatnonzero(labels == label)] for label in np.unique(labels)]
    return sorted(found)


def _tree(far: Array) -> Array:
    from scipy.cluster.hierarchy import linkage

    return np.asarray(linkage(far, method="average"), np.float64)


def _distances(matrix: Array) -> Array:
    """Condensed distances: how far below the largest likeness each pair's is, taken over both directions."""
    from scipy.spatial.distance import squareform

    alike = np.nan_to_num((matrix + matrix.T) / 2)
    off = ~np.eye(len(alike), dtype=np.bool_)
    far = np.where(off, alike[off].max() - alike, 0.0)
    return np.asarray(squareform(far, checks=False), np.float64)
