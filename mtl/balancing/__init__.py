"""Balancing: how T losses become one update. One method a file, under the name of its paper's algorithm."""

from __future__ import annotations

from mtl.balancing.base import Balanced, Balancing, Maker, Meeting, Readings, Scalarization, Trace
from mtl.balancing.dwa import DWA
from mtl.balancing.engine import Aggregation, gramian, on_gradients
from mtl.balancing.equal import Equal
from mtl.balancing.famo import FAMO
from mtl.balancing.fixed import Fixed
from mtl.balancing.geometric_mean import GeometricMean
from mtl.balancing.gradnorm import GradNorm
from mtl.balancing.imtl_l import IMTLL
from mtl.balancing.normalized import Normalized
from mtl.balancing.random import RandomWeights
from mtl.balancing.stch import STCH
from mtl.balancing.uncertainty import Uncertainty
from mtl.balancing.weightings import WEIGHTINGS

BALANCINGS: dict[str, Maker] = {
    "equal": Equal,
    "fixed": Fixed,
    "uncertainty": Uncertainty,
    "dwa": DWA,
    "random": RandomWeights,
    "geometric_mean": GeometricMean,
    "imtl_l": IMTLL,
    "famo": FAMO,
    "stch": STCH,
    "normalized": Normalized,
    "gradnorm": GradNorm,
    **{name: on_gradients(weighting) for name, weighting in WEIGHTINGS.items()},
}
"""Balancing → what makes it of (tasks, **options); one on gradients takes `at` and `every` beside its options."""

__all__ = [
    "BALANCINGS", "Aggregation", "Balanced", "Balancing", "Meeting", "Readings", "Scalarization", "Trace",
    "gramian",
]  # fmt: skip
