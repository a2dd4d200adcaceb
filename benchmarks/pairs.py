"""The loop by hand beside mtl, for each way to read one kind of input: how it is measured and told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks import results
from benchmarks.contest import Entrant, Result, contest
from benchmarks.results import Section

GOAL = 1.15
HAND = "torch's own modules"
Pairs = dict[str, list[Result]]
"""What is read in which way -> the loop by hand beside itself, and mtl."""


def measure(folder: str, what: str, ways: Iterable[str], work: Path, rounds: int) -> Pairs:
    """Of each way, asked for as `what`, the `by_hand` and `ours` of this folder of benchmarks."""
    found = {}
    for way in ways:
        asked = {"work": str(work), "threads": 1, what: way}
        by_hand = Entrant(f"{way} by hand", f"benchmarks.{folder}.by_hand", asked)
        found[way] = contest(by_hand, [Entrant(f"{way} mtl", f"benchmarks.{folder}.ours", asked)], rounds)
    return found


def section(head: tuple[str, str, str], work: str, found: Pairs, rounds: int, hand: str = HAND) -> Section:
    """head: the section's name, title and command; work: what was read, in words; hand: what the loop by hand is made of."""
    said = (
        f"{work} CPU time of one epoch over that of a loop written by hand with {hand}: median of {rounds} pairs (least–largest), "
        "peak memory in MiB. ✗: the goal is missed."
    )
    lines = [[way, results.cell(one), results.cell(ours, GOAL), f"≤ {GOAL:g}"] for way, (one, ours) in found.items()]
    both = [result for pair in found.values() for result in pair]
    return Section(*head, f"{said}\n\n{results.table(['', 'by hand', 'mtl', 'goal'], lines)}{results.failures(both)}")
