"""Edges of the bins of a numeric column, for piecewise-linear embeddings (Gorishniy et al. 2022, 3.2.1).

Plain quantiles waste their bins on a column that is mostly one value: of 199,523 incomes from capital, 96 % are 0, so that
the 32-quantiles are 0, 2290 and 99999, and everything above 2290 is one bin. Here a value that fills a bin by itself is an
edge, and the bins that are left are cut at the quantiles of the other rows; few values are an edge each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mtl.data.inputs.tabular import NumericColumn

Floats = np.ndarray[Any, np.dtype[np.float64]]


def edges_of(values: Floats, bins: int, column: NumericColumn) -> tuple[float, ...]:
    """At most `bins` + 1 edges, rising, from the least to the greatest of train's values; none for a constant.

    In float64 and one operation at a time, so that every machine finds the same. Edges that float32, which the network
    reads, cannot tell apart count as equal.
    """
    if not len(values):
        return ()
    edges = np.unique(_places(np.sort(values), bins))
    scaled = np.array(replace(column, bins=tuple(edges.tolist())).edges)
    kept = edges[np.append(True, scaled[1:] > scaled[:-1])]
    return tuple(kept.tolist()) if len(kept) > 1 else ()


def _places(ordered: Floats, bins: int) -> Floats:
    """The values that more than one bin's share of the rows have, and the quantiles of the other rows; few values as they are."""
    distinct, inverse, counts = np.unique(ordered, return_inverse=True, return_counts=True)
    if len(distinct) <= bins + 1:
        return distinct
    heavy = counts * bins > len(ordered)
    return np.concatenate([distinct[heavy], _quantiles(ordered[~heavy[inverse]], bins - int(heavy.sum()))])


def _quantiles(ordered: Floats, bins: int) -> Floats:
    """The edges of so many bins of equal share."""
    place = np.arange(bins + 1) * (len(ordered) - 1) / bins
    below = np.floor(place).astype(np.intp)
    above = np.minimum(below + 1, len(ordered) - 1)
    edges: Floats = ordered[below] + (ordered[above] - ordered[below]) * (place - below)
    return edges
