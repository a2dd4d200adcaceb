"""Sharing: how tasks share what they learn. One way a file."""

from __future__ import annotations

from mtl.network.sharing.base import Shared, Sharing
from mtl.network.sharing.hybrid import Hybrid
from mtl.network.sharing.separate import Separate
from mtl.network.sharing.shared_bottom import SharedBottom

SHARINGS: dict[str, type[Sharing]] = {
    "shared_bottom": SharedBottom,
    "separate": Separate,
    "hybrid": Hybrid,
}

__all__ = ["SHARINGS", "Shared", "Sharing"]
