"""Gradient methods, one a file: from the Gramian of the tasks' gradients to a weight for each.

TorchJD 0.18 is the oracle of the tests and not what runs: of its weightings, PCGrad, GradVac, MGDA, CAGrad and FairGrad take
more than a tenth of a training step, there is none for Nash on a Gramian, UPGrad and DualProj add 1e-4 to the diagonal,
and IMTL-G and Aligned-MTL take the rounding of a float32 Gramian, or the smaller of very different scales, for what it
is not. All here are exact to 1e-6, in well under a millisecond at 16 tasks.
"""

from __future__ import annotations

from mtl.balancing.weighting import Weighting
from mtl.balancing.weightings.aligned import Aligned
from mtl.balancing.weightings.cagrad import CAGrad
from mtl.balancing.weightings.dualproj import DualProj
from mtl.balancing.weightings.fairgrad import FairGrad
from mtl.balancing.weightings.gradvac import GradVac
from mtl.balancing.weightings.imtl_g import IMTLG
from mtl.balancing.weightings.mgda import MGDA
from mtl.balancing.weightings.nash import Nash
from mtl.balancing.weightings.pcgrad import PCGrad
from mtl.balancing.weightings.upgrad import UPGrad

WEIGHTINGS: dict[str, type[Weighting]] = {
    "pcgrad": PCGrad,
    "gradvac": GradVac,
    "mgda": MGDA,
    "cagrad": CAGrad,
    "imtl_g": IMTLG,
    "nash": Nash,
    "aligned": Aligned,
    "fairgrad": FairGrad,
    "upgrad": UPGrad,
    "dualproj": DualProj,
}

__all__ = ["WEIGHTINGS", "Weighting"]
