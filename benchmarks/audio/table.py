"""For each network over log-mels: an epoch of mtl over an epoch of the loop by hand."""

from __future__ import annotations

from benchmarks import results
from benchmarks.audio.ours import OPTIONS
from benchmarks.audio.work import BATCH, CHANNELS, LAYERS, LEAST, MELS, MOST, RATE, TASKS, WIDTH, write_sounds
from benchmarks.contest import Entrant, Result, contest
from benchmarks.results import Section

GOAL = 1.15


def measure(count: int, rounds: int) -> dict[str, list[Result]]:
    """Network → the loop by hand beside itself, and mtl."""
    work, found = str(write_sounds(count)), {}
    for network in OPTIONS:
        asked = {"work": work, "threads": 1, "network": network}
        by_hand = Entrant(f"{network} by hand", "benchmarks.audio.by_hand", asked)
        found[network] = contest(by_hand, [Entrant(f"{network} mtl", "benchmarks.audio.ours", asked)], rounds)
    return found


def section(found: dict[str, list[Result]], count: int, rounds: int, command: str) -> Section:
    said = (
        f"{count:,} recordings of {LEAST:g} to {MOST:g} s at {RATE:,} samples a second, {TASKS} tasks, {MELS} log-mels computed in "
        f"the batch, {LAYERS} convolutions of {CHANNELS} and then twice as many channels, then two layers of {WIDTH}; batch "
        f"{BATCH}, recordings of like length, nothing changed by chance, one thread. CPU time of one epoch over that of a loop "
        f"written by hand with torch's own modules: median of {rounds} pairs (least–largest), peak memory in MiB. ✗: the goal is "
        "missed."
    )
    lines = [[name, results.cell(one), results.cell(ours, GOAL), f"≤ {GOAL:g}"] for name, (one, ours) in found.items()]
    both = [result for pair in found.values() for result in pair]
    return Section(
        "audio", "Recordings", command, f"{said}\n\n{results.table(['', 'by hand', 'mtl', 'goal'], lines)}{results.failures(both)}"
    )
