"""Heads: a representation → predictions of all tasks of one kind, their loss and their decoding. One kind a file."""

from __future__ import annotations

from mtl.network.heads.base import Head, ListedHead
from mtl.network.heads.binary import Binary
from mtl.network.heads.count import Count
from mtl.network.heads.multiclass import Multiclass
from mtl.network.heads.multilabel import Multilabel
from mtl.network.heads.ordinal import Ordinal
from mtl.network.heads.quantile import Quantile
from mtl.network.heads.regression import Regression
from mtl.network.heads.retrieval import Retrieval
from mtl.network.heads.tagging import Tagging

HEADS: dict[str, type[Head]] = {
    "regression": Regression,
    "binary": Binary,
    "multiclass": Multiclass,
    "ordinal": Ordinal,
    "count": Count,
    "quantile": Quantile,
    "multilabel": Multilabel,
    "retrieval": Retrieval,
    "tagging": Tagging,
}

__all__ = ["HEADS", "Head", "ListedHead"]
