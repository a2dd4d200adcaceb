"""For each network over tokens: an epoch of mtl over an epoch of the loop by hand."""

from __future__ import annotations

from benchmarks import results
from benchmarks.contest import Entrant, Result, contest
from benchmarks.results import Section
from benchmarks.text.ours import OPTIONS
from benchmarks.text.work import BATCH, EMBEDDING, LEAST, MOST, SIZE, TASKS, WIDTH, write_texts

GOAL = 1.15


def measure(count: int, rounds: int) -> dict[str, list[Result]]:
    """Network → the loop by hand beside itself, and mtl."""
    work, found = str(write_texts(count)), {}
    for network in OPTIONS:
        asked = {"work": work, "threads": 1, "network": network}
        by_hand = Entrant(f"{network} by hand", "benchmarks.text.by_hand", asked)
        found[network] = contest(by_hand, [Entrant(f"{network} mtl", "benchmarks.text.ours", asked)], rounds)
    return found


def section(found: dict[str, list[Result]], count: int, rounds: int, command: str) -> Section:
    said = (
        f"{count:,} texts of {LEAST} to {MOST} tokens, {TASKS} tasks, tokens of {EMBEDDING} numbers, networks of {SIZE}, then two "
        f"layers of {WIDTH}; batch {BATCH}, texts of like length, one thread. CPU time of one epoch over that of a loop written "
        "by hand with torch's own modules (packed for lstm and gru): median of "
        f"{rounds} pairs (least–largest), peak memory in MiB. ✗: the goal is missed."
    )
    lines = [[name, results.cell(one), results.cell(ours, GOAL), f"≤ {GOAL:g}"] for name, (one, ours) in found.items()]
    both = [result for pair in found.values() for result in pair]
    return Section(
        "text", "Texts", command, f"{said}\n\n{results.table(['', 'by hand', 'mtl', 'goal'], lines)}{results.failures(both)}"
    )
