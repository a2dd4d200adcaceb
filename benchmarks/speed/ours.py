"""mtl's own loop on the same network: one epoch of `train_epoch`, with whatever balancing it is asked for.

Relatedness is not tracked unless it is asked for, since it is measured by itself.
"""

from __future__ import annotations

import torch

from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH, Arrays, read_arrays
from benchmarks.worker import Question, Work
from mtl.data.aligned import AlignedSet
from mtl.network.input_plans import TabularPlan
from mtl.network.plan import Plan, TaskPlan
from mtl.spec import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.relating import look_ahead, tracker_of
from mtl.training.run import Run


def aligned(arrays: Arrays) -> AlignedSet:
    """The arrays as the aligned set has them."""
    x = arrays.x
    there = {"missing": x != x, "categorical": x[:, :0].astype("int32"), "present": x[:, 0] == x[:, 0]}
    names = tuple(f"t{i}" for i in range(arrays.y.shape[1]))
    return AlignedSet({"x": {"numeric": x, **there}}, arrays.y, arrays.labelled, names)


def plan(tasks: int) -> Plan:
    """One input of FEATURES numbers, regression tasks that all see it."""
    of = tuple(TaskPlan(f"t{i}", "regression", 1, frozenset({"x"})) for i in range(tasks))
    return Plan((TabularPlan("x", FEATURES, gaps=()),), of, (("regression", 1),))


def start(question: Question) -> Work:
    arrays = aligned(read_arrays(question["work"]))
    model = Model(**{"width": WIDTH, "depth": DEPTH, "dropout": 0, **question.get("model", {})})
    training = Training(**{"batch_size": BATCH, "device": "cpu", "threads": 1, "relatedness": None, **question.get("training", {})})
    context = settings(training)
    context.__enter__()  # for as long as this process lives
    cpu = torch.device("cpu")
    of = plan(arrays.targets.shape[1])
    run = Run.start(of, model, training, model.sharing, cpu)
    store = Store.of(of, arrays, cpu)
    count = train_steps(run.network, store, training.optimizer, training.batch_size)
    run.meet(store.mask)
    run.tracker = tracker_of(run.network, store.mask, training.relatedness)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)
        look_ahead(run, store, count)

    return epoch
