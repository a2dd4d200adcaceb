"""mtl's own loop on the same pictures and network."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.image.work import BATCH, OPTIONS, SIDE, TASKS, WAYS, WIDTH, Pictures, read_pictures
from benchmarks.worker import Question, Work
from mtl.data.aligned import AlignedSet
from mtl.network.input_plans import ImagePlan
from mtl.network.plan import Plan, TaskPlan
from mtl.spec import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.run import Run


def aligned(held: Pictures) -> AlignedSet:
    """The pictures as the aligned set has them, every label there."""
    there = np.ones(held.y.shape, np.bool_)
    inputs = {"x": {"pixels": held.pixels, "present": there[:, 0]}}
    return AlignedSet(inputs, held.y, there, tuple(f"t{i}" for i in range(TASKS)))


def start(question: Question) -> Work:
    held, most = read_pictures(question["work"]), WAYS[question["way"]]
    rows = aligned(held)
    of = tuple(TaskPlan(name, "regression", 1, frozenset({"x"})) for name in rows.tasks)
    scale = (float(held.pixels.mean()),), (float(held.pixels.std()),)
    augment = (("flip", 0.0), ("rotate", 0.0), ("shift", float(most)))
    picture = ImagePlan("x", (SIDE, SIDE), *scale, "cnn", tuple(OPTIONS.items()), augment)
    model = Model(width=WIDTH, depth=2, dropout=0)
    training = Training(batch_size=BATCH, device="cpu", threads=1, relatedness=None)
    context = settings(training)
    context.__enter__()  # for as long as this process lives
    cpu = torch.device("cpu")
    run = Run.start(Plan((picture,), of, (("regression", 1),)), model, training, model.sharing, cpu)
    store = Store.of(run.plan, rows, cpu)
    count = train_steps(run.network, store, training.optimizer, training.batch_size)
    run.meet(store.mask)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)

    return epoch
