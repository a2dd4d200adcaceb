"""For pictures as they are and for moved ones: an epoch of mtl over an epoch of the loop by hand."""

from __future__ import annotations

from benchmarks import results
from benchmarks.contest import Entrant, Result, contest
from benchmarks.image.work import BATCH, OPTIONS, SIDE, TASKS, WAYS, WIDTH, write_pictures
from benchmarks.results import Section

GOAL = 1.15


def measure(count: int, rounds: int) -> dict[str, list[Result]]:
    """Way → the loop by hand beside itself, and mtl."""
    work, found = str(write_pictures(count)), {}
    for way in WAYS:
        asked = {"work": work, "threads": 1, "way": way}
        by_hand = Entrant(f"{way} by hand", "benchmarks.image.by_hand", asked)
        found[way] = contest(by_hand, [Entrant(f"{way} mtl", "benchmarks.image.ours", asked)], rounds)
    return found


def section(found: dict[str, list[Result]], count: int, rounds: int, command: str) -> Section:
    network = ", ".join(f"{name} {value:g}" for name, value in OPTIONS.items())
    said = (
        f"{count:,} pictures of {SIDE} × {SIDE} pixels, {TASKS} tasks, the network `cnn` ({network}), then two layers of {WIDTH}; "
        f"batch {BATCH}, one thread; as they are, and moved by up to {max(WAYS.values())} pixels. CPU time of one epoch over that "
        f"of a loop written by hand with torch's own modules: median of {rounds} pairs (least–largest), peak memory in MiB. "
        "✗: the goal is missed."
    )
    lines = [[name, results.cell(one), results.cell(ours, GOAL), f"≤ {GOAL:g}"] for name, (one, ours) in found.items()]
    both = [result for pair in found.values() for result in pair]
    return Section(
        "image", "Pictures", command, f"{said}\n\n{results.table(['', 'by hand', 'mtl', 'goal'], lines)}{results.failures(both)}"
    )
