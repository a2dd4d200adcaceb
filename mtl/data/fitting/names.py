"""Names of raw columns in a frame that holds those of several inputs."""

from __future__ import annotations

from collections import Counter

from mtl.spec import Spec

RESERVED = ("entity", "key", "split")
PREDICTED = "predicted."
"""Beginning of the columns that a model's golden rows have beside the raw ones."""


def column_names(spec: Spec) -> dict[tuple[str, str], str]:
    """(input, column) -> its name in raw frames: the plain one, unless another input has it too or we use the word."""
    counts = Counter(column for one in spec.inputs.values() for column in one.names)
    return {(i, c): c if counts[c] == 1 and not _ours(c) else f"{i}__{c}" for i, one in spec.inputs.items() for c in one.names}


def _ours(column: str) -> bool:
    return column in RESERVED or column.startswith(PREDICTED)
