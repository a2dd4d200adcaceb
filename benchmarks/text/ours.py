"""mtl's own loop on the same texts and network."""

from __future__ import annotations

from benchmarks.ours import aligned, epoch_of
from benchmarks.text.work import BATCH, EMBEDDING, SIZE, VOCABULARY, WIDTH, read_texts
from benchmarks.worker import Question, Work
from mtl.data.ragged import Ragged
from mtl.network.input_plans import TextPlan

OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"embedding": EMBEDDING, "channels": SIZE, "kernels": 3},
    "lstm": {"embedding": EMBEDDING, "hidden": SIZE, "layers": 1, "both": 1},
    "gru": {"embedding": EMBEDDING, "hidden": SIZE, "layers": 1, "both": 1},
    "transformer": {"embedding": EMBEDDING, "layers": 2, "heads": 4, "feedforward": 2 * SIZE},
}


def start(question: Question) -> Work:
    texts, network = read_texts(question["work"]), question["network"]
    reads = TextPlan("x", VOCABULARY, network, "max", tuple(OPTIONS[network].items()))
    rows = aligned({"tokens": Ragged(texts.values, texts.offsets)}, texts.y)
    return epoch_of(reads, rows, {"width": WIDTH, "depth": 2}, {"batch_size": BATCH})
