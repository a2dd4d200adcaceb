"""Balancing: how T losses become one update. One method a file, under the name of its paper's algorithm."""

from __future__ import annotations

from mtl.balancing.base import Balanced, Balancing, Meeting, Scalarization
from mtl.balancing.equal import Equal
from mtl.balancing.fixed import Fixed
from mtl.balancing.uncertainty import Uncertainty

BALANCINGS: dict[str, type[Balancing]] = {
    "equal": Equal,
    "fixed": Fixed,
    "uncertainty": Uncertainty,
}

__all__ = ["BALANCINGS", "Balanced", "Balancing", "Meeting", "Scalarization"]
