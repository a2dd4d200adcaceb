"""mtl's own loop on the same texts and network."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.text.work import BATCH, EMBEDDING, SIZE, TASKS, VOCABULARY, WIDTH, Texts, read_texts
from benchmarks.worker import Question, Work
from mtl.data.aligned import AlignedSet
from mtl.data.ragged import Ragged
from mtl.network.input_plans import TextPlan
from mtl.network.plan import Plan, TaskPlan
from mtl.spec import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.run import Run

OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"embedding": EMBEDDING, "channels": SIZE, "kernels": 3},
    "lstm": {"embedding": EMBEDDING, "hidden": SIZE, "layers": 1, "both": 1},
    "gru": {"embedding": EMBEDDING, "hidden": SIZE, "layers": 1, "both": 1},
    "transformer": {"embedding": EMBEDDING, "layers": 2, "heads": 4, "feedforward": 2 * SIZE},
}


def aligned(texts: Texts) -> AlignedSet:
    """The texts as the aligned set has them, every label there."""
    tokens, there = Ragged(texts.values, texts.offsets), np.ones(texts.y.shape, np.bool_)
    return AlignedSet({"x": {"tokens": tokens, "present": there[:, 0]}}, texts.y, there, tuple(f"t{i}" for i in range(TASKS)))


def start(question: Question) -> Work:
    rows, network = aligned(read_texts(question["work"])), question["network"]
    of = tuple(TaskPlan(name, "regression", 1, frozenset({"x"})) for name in rows.tasks)
    text = TextPlan("x", VOCABULARY, network, "max", tuple(OPTIONS[network].items()))
    model = Model(width=WIDTH, depth=2, dropout=0)
    training = Training(batch_size=BATCH, device="cpu", threads=1, relatedness=None)
    context = settings(training)
    context.__enter__()  # for as long as this process lives
    cpu = torch.device("cpu")
    run = Run.start(Plan((text,), of, (("regression", 1),)), model, training, model.sharing, cpu)
    store = Store.of(run.plan, rows, cpu)
    count = train_steps(run.network, store, training.optimizer, training.batch_size)
    run.meet(store.mask)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)

    return epoch
