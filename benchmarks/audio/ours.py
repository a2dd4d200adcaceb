"""mtl's own loop on the same recordings and network."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.audio.work import BATCH, CHANNELS, HIDDEN, HOP, LAYERS, MELS, RATE, TASKS, WIDTH, WINDOW, Sounds, read_sounds
from benchmarks.worker import Question, Work
from mtl.data.aligned import AlignedSet
from mtl.data.ragged import Ragged
from mtl.network.input_plans import AudioPlan
from mtl.network.plan import Plan, TaskPlan
from mtl.spec import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.run import Run

OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"channels": CHANNELS, "layers": LAYERS},
    "crnn": {"channels": CHANNELS, "layers": LAYERS, "hidden": HIDDEN},
}


def aligned(sounds: Sounds) -> AlignedSet:
    """The recordings as the aligned set has them, every label there."""
    samples, there = Ragged(sounds.values, sounds.offsets), np.ones(sounds.y.shape, np.bool_)
    return AlignedSet({"x": {"samples": samples, "present": there[:, 0]}}, sounds.y, there, tuple(f"t{i}" for i in range(TASKS)))


def start(question: Question) -> Work:
    rows, network = aligned(read_sounds(question["work"])), question["network"]
    of = tuple(TaskPlan(name, "regression", 1, frozenset({"x"})) for name in rows.tasks)
    window, hop = (1000 * samples / RATE for samples in (WINDOW, HOP))
    audio = AudioPlan("x", RATE, MELS, window, hop, network, "max", tuple(OPTIONS[network].items()))
    model = Model(width=WIDTH, depth=2, dropout=0)
    training = Training(batch_size=BATCH, device="cpu", threads=1, relatedness=None)
    context = settings(training)
    context.__enter__()  # for as long as this process lives
    cpu = torch.device("cpu")
    run = Run.start(Plan((audio,), of, (("regression", 1),)), model, training, model.sharing, cpu)
    store = Store.of(run.plan, rows, cpu)
    count = train_steps(run.network, store, training.optimizer, training.batch_size)
    run.meet(store.mask)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)

    return epoch
