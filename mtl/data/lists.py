"""Labels that are lists, as rows of numbers: from 1, since 0 is what fills a row up in a batch."""

from __future__ import annotations

import numpy as np
import polars as pl

from mtl.data.codes import FIRST, codes_of
from mtl.data.inputs.base import Bools
from mtl.data.ragged import Ragged

ONE = 1
"""Number of the first class."""


def numbered(target: pl.Series, classes: tuple[str, ...]) -> tuple[Ragged, Bools]:
    """Lists of labels as lists of their numbers int32, and the mask of labels, bool [n].

    A list with a label that is none of `classes` is no label, as null is none; both are rows without numbers. An empty list
    is a label.
    """
    labelled = target.is_not_null().to_numpy().copy()
    lengths = target.list.len().fill_null(0).to_numpy().astype(np.int64)
    flat = target.filter(pl.Series(lengths > 0)).explode().cast(pl.String)
    numbers = codes_of(flat, classes) - FIRST + ONE
    row = np.repeat(np.arange(len(target)), lengths)
    labelled[row[numbers < ONE]] = False
    return Ragged.of_lengths(numbers[labelled[row]], lengths * labelled), labelled


def multi_hot(lists: Ragged, classes: int) -> Bools:
    """bool [n, classes]: whether the row's list holds the class."""
    found = np.zeros((len(lists), classes), np.bool_)
    found[np.repeat(np.arange(len(lists)), lists.lengths), lists.values - ONE] = True
    return found
