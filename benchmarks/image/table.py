"""For pictures as they are and for moved ones: an epoch of mtl over an epoch of the loop by hand."""

from __future__ import annotations

from benchmarks import pairs
from benchmarks.image.work import BATCH, OPTIONS, SIDE, TASKS, WAYS, WIDTH, write_pictures
from benchmarks.pairs import Pairs
from benchmarks.results import Section


def measure(count: int, rounds: int) -> Pairs:
    return pairs.measure("image", "way", WAYS, write_pictures(count), rounds)


def section(found: Pairs, count: int, rounds: int, command: str) -> Section:
    network = ", ".join(f"{name} {value:g}" for name, value in OPTIONS.items())
    work = (
        f"{count:,} pictures of {SIDE} × {SIDE} pixels, {TASKS} tasks, the network `cnn` ({network}), then two layers of {WIDTH}; "
        f"batch {BATCH}, one thread; as they are, and moved by up to {max(WAYS.values())} pixels."
    )
    return pairs.section(("image", "Pictures", command), work, found, rounds)
