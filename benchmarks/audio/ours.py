"""mtl's own loop on the same recordings and network."""

from __future__ import annotations

from benchmarks.audio.work import CHANNELS, HIDDEN, HOP, LAYERS, MELS, RATE, WIDTH, WINDOW, read_sounds
from benchmarks.ours import aligned, epoch_of
from benchmarks.text.work import BATCH  # the loop by hand deals its batches as that of texts does
from benchmarks.worker import Question, Work
from mtl.data.ragged import Ragged
from mtl.network.input_plans import AudioPlan

OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"channels": CHANNELS, "layers": LAYERS},
    "crnn": {"channels": CHANNELS, "layers": LAYERS, "hidden": HIDDEN},
}


def start(question: Question) -> Work:
    sounds, network = read_sounds(question["work"]), question["network"]
    window, hop = (1000 * samples / RATE for samples in (WINDOW, HOP))
    reads = AudioPlan("x", RATE, MELS, window, hop, network, "max", tuple(OPTIONS[network].items()))
    rows = aligned({"samples": Ragged(sounds.values, sounds.offsets)}, sounds.y)
    return epoch_of(reads, rows, {"width": WIDTH, "depth": 2}, {"batch_size": BATCH})
