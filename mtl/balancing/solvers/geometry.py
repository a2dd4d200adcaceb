"""A Gramian as norms and cosines.

The solvers work on unit gradients ûᵢ = gᵢ/‖gᵢ‖: gradients of scales 1e-10 and 1e10 side by side make a Gramian whose
entries span forty orders of magnitude, while the cosines are as well-conditioned as the angles themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Geometry:
    """Gradients of t tasks, told by lengths and angles."""

    norms: Array
    """[t]; 0 for a task whose gradient is zero."""
    cosines: Array
    """[t, t], ones on the diagonal; a zero gradient is at right angles to all others."""
    eps: float
    """Relative rounding of the Gramian's entries: of the type it was made in."""

    @classmethod
    def of(cls, gramian: Array, eps: float = 2.2e-16) -> Geometry:
        """gramian [t, t], symmetric and positive semi-definite up to rounding."""
        norms = np.sqrt(np.maximum(gramian.diagonal(), 0))
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        cosines = (gramian * inverse) * inverse[:, None]
        cosines = np.minimum(np.maximum((cosines + cosines.T) / 2, -1), 1)
        cosines.flat[:: len(norms) + 1] = 1
        return cls(norms, cosines, eps)

    @cached_property
    def root(self) -> Array:
        """[t, t]: R with RᵀR = cosines; its columns are the unit gradients in coordinates of their own."""
        return root(self.cosines)

    @property
    def gramian(self) -> Array:
        """[t, t] gᵢ·gⱼ."""
        return np.asarray(self.cosines * self.norms * self.norms[:, None])

    @cached_property
    def independent(self) -> bool:
        """Whether each gradient stands clear of the others' span: linear systems in the cosines then keep their digits."""
        try:
            factor = np.linalg.cholesky(self.cosines)
        except np.linalg.LinAlgError:
            return False
        return bool((np.diagonal(factor) > 1e-4).all())

    @cached_property
    def moving(self) -> Array:
        """Numbers of the tasks whose gradient is not zero."""
        return np.flatnonzero(self.norms > 0)

    def part(self, rows: Array) -> Geometry:
        """The same of some tasks only."""
        return Geometry(self.norms[rows], self.cosines[np.ix_(rows, rows)], self.eps)

    def tolerance(self) -> float:
        """Squared length below which a mean of unit gradients cannot be told from zero."""
        return 4 * len(self.norms) * self.eps


def root(matrix: Array) -> Array:
    """R with RᵀR = matrix, positive semi-definite up to rounding: Cholesky, else by eigenvalues without the negative."""
    try:
        return np.asarray(np.linalg.cholesky(matrix).T)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(matrix)
        return np.asarray(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)
