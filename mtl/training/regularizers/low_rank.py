"""low_rank: tasks' parameters in a space of few dimensions (Argyriou, Evgeniou & Pontil 2006, "Multi-task feature learning").

Their problem is the trace norm of the stack W [task, numbers], the sum of its singular values σ (their theorem 1 and
what follows it), the convex stand-in for its rank. A piece with more than two dimensions is laid out with one row for
each task (Yang & Hospedales 2017, arXiv:1606.04038, "last axis flattening").

The trace norm has no derivative where σ = 0, which is where it drives them. As they do, W Wᵀ is perturbed by ε²·I:

    Ω = tr (W Wᵀ + ε² I)^½ = Σ √(σ² + ε²)        ∂Ω/∂W = (W Wᵀ + ε² I)^(−½) W

A σ far above ε is pulled with force 1, one below it with σ / ε. Only the [task, task] matrix W Wᵀ is taken apart, in
float64; its eigenvalues may coincide, since no derivative is taken of its eigenvectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMOOTH = 1e-2
"""ε; a head's row begins with a norm of about 0.6."""


class LowRank:
    """The smoothed trace norm."""

    @staticmethod
    def value(stack: Tensor) -> Tensor:
        return _taken_apart(stack)[0].sum().to(stack.dtype)

    @staticmethod
    def gradient(stack: Tensor) -> Tensor:
        smooth, vectors = _taken_apart(stack)
        return ((vectors / smooth) @ (vectors.T @ stack.double())).to(stack.dtype)


def _taken_apart(stack: Tensor) -> tuple[Tensor, Tensor]:
    """√(σ² + ε²) and the left singular vectors in columns."""
    double = stack.double()
    squares, vectors = torch.linalg.eigh(double @ double.T)
    return (squares.clamp(min=0) + SMOOTH**2).sqrt(), vectors
