"""mtl's own loop on the same pictures and network."""

from __future__ import annotations

from benchmarks.image.work import BATCH, OPTIONS, SIDE, WAYS, WIDTH, read_pictures
from benchmarks.ours import aligned, epoch_of
from benchmarks.worker import Question, Work
from mtl.network.input_plans import ImagePlan


def start(question: Question) -> Work:
    held, most = read_pictures(question["work"]), WAYS[question["way"]]
    scale = (float(held.pixels.mean()),), (float(held.pixels.std()),)
    augment = (("flip", 0.0), ("rotate", 0.0), ("shift", float(most)))
    reads = ImagePlan("x", (SIDE, SIDE), *scale, "cnn", tuple(OPTIONS.items()), augment)
    return epoch_of(reads, aligned({"pixels": held.pixels}, held.y), {"width": WIDTH, "depth": 2}, {"batch_size": BATCH})
