"""round_robin: a batch holds rows of one unit, and the units take turns, from one epoch into the next."""

from __future__ import annotations

from torch import Tensor

from mtl.training.samplers.base import Asked


def round_robin(asked: Asked) -> list[Tensor]:
    """Batches as large as any other sampler's; all rows of a unit that has fewer."""
    units, done = len(asked.units), (asked.epoch - 1) * asked.count
    size = -(-int(asked.sizes.sum()) // asked.count)
    turns = [range((u - done) % units, asked.count, units) for u in range(units)]
    found: list[Tensor | None] = [None] * asked.count
    for u, mine in enumerate(turns):
        before, each = -(-max(0, done - u) // units), min(size, len(asked.units[u].rows))
        if mine:
            parts = asked.dealt([asked.rows(u, before * each, (before + len(mine)) * each)], len(mine))
            for step, part in zip(mine, parts, strict=True):
                found[step] = part
    return [part for part in found if part is not None]
