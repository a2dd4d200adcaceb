"""Heads: a representation → predictions of all tasks of one kind, their loss and their decoding. One kind a file."""

from __future__ import annotations

from mtl.network.heads.base import Head
from mtl.network.heads.binary import Binary
from mtl.network.heads.multiclass import Multiclass
from mtl.network.heads.ordinal import Ordinal
from mtl.network.heads.regression import Regression

HEADS: dict[str, type[Head]] = {
    "regression": Regression,
    "binary": Binary,
    "multiclass": Multiclass,
    "ordinal": Ordinal,
}

__all__ = ["HEADS", "Head"]
