"""Many small complementarity problems with one matrix, side by side: block principal pivoting (Júdice & Pires 1994;
Kim & Park 2011 for many right-hand sides).

    z ≥ 0,  w = q + Cz ≥ 0,  z·w = 0       (the optimum of ½ zᵀCz + q·z over z ≥ 0)

A guess of which z are free is solved, and all entries of the wrong sign change sides at once; few rounds suffice.
Where most z are free, the same is solved for the few w that are (z and w change places with C and its inverse).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mtl.balancing.solvers.geometry import Array

ROUNDS = 40
PATIENCE = 3
TOLERANCE = 1e-11


@dataclass
class _Guess:
    """Of each problem: which z are free, the fewest wrong signs so far, and how many rounds may pass without fewer."""

    free: Array
    fewest: Array
    patience: Array

    def change(self, wrong: Array) -> None:
        """All wrong entries change sides; where that has not helped for a while, the last of them alone (Murty's rule,
        which never goes round in circles)."""
        count = wrong.sum(1)
        better = count < self.fewest
        self.fewest = np.where(better, count, self.fewest)
        self.patience = np.where(better, PATIENCE, self.patience - 1)
        alone = np.flatnonzero(self.patience < 0)
        last = wrong.shape[1] - 1 - wrong[alone, ::-1].argmax(1)
        wrong[alone] = False
        wrong[alone, last] = True
        self.free ^= wrong


def complementary(matrix: Array, offsets: Array) -> tuple[Array, Array]:
    """matrix C [t, t], offsets q [problem, t] → z [problem, t], and which problems [problem] are solved: of those that
    are not (a matrix too near to singular) z means nothing."""
    z = np.zeros_like(offsets)
    solved: Array = np.all(offsets >= 0, axis=1)
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return z, solved
    todo = np.flatnonzero(~solved)
    q = offsets[todo]
    guess = _Guess(q < 0, np.full(len(todo), offsets.shape[1] + 1), np.full(len(todo), PATIENCE))
    for _ in range(ROUNDS):
        if not len(todo):
            break
        if guess.free.mean() > 0.5:
            tried = (_solve(inverse, -q @ inverse, ~guess.free) - q) @ inverse * guess.free
        else:
            tried = _solve(matrix, q, guess.free)
        w = q + tried @ matrix
        wrong = np.where(guess.free, tried < -TOLERANCE, w < -TOLERANCE)
        done = ~wrong.any(1)
        exact = (np.abs(w) * guess.free).max(1) <= TOLERANCE * 10
        z[todo[done]] = np.maximum(tried[done], 0)
        solved[todo[done]] = exact[done]
        guess.change(wrong)
        left = ~done
        todo, q = todo[left], q[left]
        guess = _Guess(guess.free[left], guess.fewest[left], guess.patience[left])
    return z, solved


def _solve(matrix: Array, q: Array, free: Array) -> Array:
    """[problem, t]: C z = −q on each problem's free entries, 0 elsewhere; all problems in one batch, padded."""
    sizes = free.sum(1)
    most = int(sizes.max(initial=1))
    places = np.argsort(~free, axis=1, kind="stable")[:, :most]
    used = np.arange(most) < sizes[:, None]
    blocks = np.where(used[:, :, None] & used[:, None, :], matrix[places[:, :, None], places[:, None, :]], np.eye(most))
    right = np.where(used, -np.take_along_axis(q, places, 1), 0.0)
    z = np.zeros_like(q)
    np.put_along_axis(z, places, np.linalg.solve(blocks, right[..., None])[..., 0], 1)
    return z
