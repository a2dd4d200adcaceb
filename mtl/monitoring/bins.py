"""Where the bins of a histogram end: about as many rows in each, and a value that many rows have in a bin of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
BINS = 10


def edges_of(values: Floats, bins: int = BINS) -> tuple[float, ...]:
    """Rising edges of the bins (−∞, e₁], (e₁, e₂], …, (eₙ, ∞) of these finite values; none without a value.

    Quantiles alone would put a value that most rows have, and all that lies below it, into one bin, and see no change between
    the two: a value of at least 1 / `bins` of the rows ends the bin before it and its own.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if not len(distinct):
        return ()
    often = counts * bins >= len(values)
    middle = (np.cumsum(counts) - counts / 2) * bins / len(values)
    bin_of = np.floor(middle)
    ends = (bin_of[:-1] != bin_of[1:]) | often[:-1] | often[1:]
    below = [float(np.nextafter(distinct[0], -np.inf))] if often[0] else []
    above = [float(distinct[-1])] if often[-1] else []
    return (*below, *map(float, distinct[:-1][ends]), *above)


def counts_of(values: Floats, edges: tuple[float, ...]) -> tuple[int, ...]:
    """How many values lie in each of the bins, one more than there are edges."""
    at = np.searchsorted(np.array(edges), values, side="left")
    return tuple(int(count) for count in np.bincount(at, minlength=len(edges) + 1))
