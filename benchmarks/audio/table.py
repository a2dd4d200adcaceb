"""For each network over log-mels: an epoch of mtl over an epoch of the loop by hand."""

from __future__ import annotations

from benchmarks import pairs
from benchmarks.audio.ours import OPTIONS
from benchmarks.audio.work import CHANNELS, LAYERS, LEAST, MELS, MOST, RATE, TASKS, WIDTH, write_sounds
from benchmarks.pairs import Pairs
from benchmarks.results import Section
from benchmarks.text.work import BATCH


def measure(count: int, rounds: int) -> Pairs:
    return pairs.measure("audio", "network", OPTIONS, write_sounds(count), rounds)


def section(found: Pairs, count: int, rounds: int, command: str) -> Section:
    work = (
        f"{count:,} recordings of {LEAST:g} to {MOST:g} s at {RATE:,} samples a second, {TASKS} tasks, {MELS} log-mels computed in "
        f"the batch, {LAYERS} convolutions of {CHANNELS} and then twice as many channels, then two layers of {WIDTH}; batch "
        f"{BATCH}, recordings of like length, nothing changed by chance, one thread."
    )
    return pairs.section(("audio", "Recordings", command), work, found, rounds)
