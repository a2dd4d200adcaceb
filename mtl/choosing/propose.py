"""Which alternative to try next, from what the ones before have shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from mtl.choosing.choice import Groups
from mtl.choosing.mixes import Mix
from mtl.choosing.trials import Alternative, Trial
from mtl.relatedness.order import Array, clusters

EXACT = 11
"""With more tasks groups come from clustering, not from a search over all of them."""

HEAVIER = 4.0
"""Times as heavy becomes the loss of a task that loses."""


def proposals(
    tasks: Sequence[str], trials: Sequence[Trial], best: Mix, affinity: Array, also: Sequence[str], weights: Mapping[str, float]
) -> Iterator[Alternative]:
    """Alternatives in the order in which they are worth a try, from the trials so far and the best mix of them; `weights` are
    the λ of now, empty where another balancing than fixed ones is asked for.

    Who loses by sharing leaves, the clearest first; other sharings that were asked for; hurt tasks weigh more; groups by
    affinity, two and then, unless one network for all is still the best, three.
    """
    together = trials[0]
    losing = [name for name in tasks if name in together.gains and together.gains[name].likely < 0]
    yield from _without(tasks, losing)
    for trunk in best.trunks:
        yield from _without(trunk.tasks, [name for name in trunk.tasks if trunk.gains[name].likely < 0])
    yield from (Alternative(sharing, (tuple(tasks),)) for sharing in also)
    if losing and weights:
        heavy = tuple((name, weights[name] * (HEAVIER if name in losing else 1.0)) for name in tasks)
        yield Alternative("shared_bottom", (tuple(tasks),), heavy)
    yield from _without(tasks, [name for name in losing if together.gains[name].hurt])
    for count in (2, 3) if best.networks > 1 else (2,):
        groups = affine_groups(tasks, affinity, count)
        if len(groups) > 1:
            yield Alternative("shared_bottom", groups)


def _without(tasks: Sequence[str], leaving: Sequence[str]) -> Iterator[Alternative]:
    """The tasks that stay, if some leave and at least two stay."""
    stay = tuple(name for name in tasks if name not in leaving)
    if 2 <= len(stay) < len(tasks):
        yield Alternative("shared_bottom", (stay,))


def affine_groups(tasks: Sequence[str], affinity: Array, count: int) -> Groups:
    """`count` groups of two tasks or more with the largest total affinity; () where there is no such thing.

    What a group does for a task is the mean affinity of its other tasks onto it (Fifty et al. 2021, section 4.2); their sum
    over tasks is largest. Found exactly for few tasks, by hierarchical clustering of affinities for many.
    """
    if len(tasks) < 2 * count or not np.isfinite(affinity).any():
        return ()
    known = np.nan_to_num(affinity)
    if len(tasks) > EXACT:
        found = clusters(_relative(known), count)
        groups = [group for group in found if len(group) > 1]
    else:
        groups = _largest(known, count)
    return tuple(tuple(tasks[t] for t in group) for group in groups)


def _relative(affinity: Array) -> Array:
    """Affinity over what tasks do for themselves: a large gradient alone makes no friend."""
    own = np.sqrt(np.clip(affinity.diagonal(), 1e-12, None))
    return np.asarray(affinity / np.outer(own, own), np.float64)


def _largest(affinity: Array, count: int) -> list[list[int]]:
    """The best partition into `count` groups, by going through sets of tasks (as bits) in rising order."""
    tasks = len(affinity)
    worth = {_bits(group): _worth(affinity, group) for size in range(2, tasks + 1) for group in combinations(range(tasks), size)}
    best: list[dict[int, tuple[float, tuple[int, ...]]]] = [{0: (0.0, ())}]
    for _ in range(count):
        reached: dict[int, tuple[float, tuple[int, ...]]] = {}
        for taken, (total, groups) in best[-1].items():
            first = next((t for t in range(tasks) if not taken >> t & 1), None)
            if first is None:
                continue
            rest = ((1 << tasks) - 1) & ~taken & ~(1 << first)
            for others in _subsets(rest):
                group = others | 1 << first
                value = total + worth.get(group, -np.inf)
                if value > reached.get(taken | group, (-np.inf, ()))[0]:
                    reached[taken | group] = (value, (*groups, group))
        best.append(reached)
    found = best[count].get((1 << tasks) - 1, (0.0, ()))[1]
    return [[t for t in range(tasks) if group >> t & 1] for group in found]


def _worth(affinity: Array, group: Sequence[int]) -> float:
    within = affinity[np.ix_(group, group)]
    return float((within.sum() - within.trace()) / (len(group) - 1))


def _bits(group: Sequence[int]) -> int:
    return sum(1 << t for t in group)


def _subsets(of: int) -> Iterator[int]:
    """Every subset of these bits but the empty one."""
    subset = of
    while subset:
        yield subset
        subset = (subset - 1) & of
