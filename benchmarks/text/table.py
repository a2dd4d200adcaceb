"""For each network over tokens: an epoch of mtl over an epoch of the loop by hand."""

from __future__ import annotations

from benchmarks import pairs
from benchmarks.pairs import HAND, Pairs
from benchmarks.results import Section
from benchmarks.text.ours import OPTIONS
from benchmarks.text.work import BATCH, EMBEDDING, LEAST, MOST, SIZE, TASKS, WIDTH, write_texts


def measure(count: int, rounds: int) -> Pairs:
    return pairs.measure("text", "network", OPTIONS, write_texts(count), rounds)


def section(found: Pairs, count: int, rounds: int, command: str) -> Section:
    work = (
        f"{count:,} texts of {LEAST} to {MOST} tokens, {TASKS} tasks, tokens of {EMBEDDING} numbers, networks of {SIZE}, then two "
        f"layers of {WIDTH}; batch {BATCH}, texts of like length, one thread."
    )
    return pairs.section(("text", "Texts", command), work, found, rounds, f"{HAND} (packed for lstm and gru)")
