"""mtl's own loop over one input `x`, with regression tasks that all see it: what the benchmarks of one epoch have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.worker import Work
from mtl.data.aligned import AlignedSet
from mtl.network.input_plans import InputPlan
from mtl.network.plan import Plan, TaskPlan
from mtl.spec import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.relating import look_ahead, tracker_of
from mtl.training.run import Run


def names(tasks: int) -> tuple[str, ...]:
    return tuple(f"t{i}" for i in range(tasks))


def plan_of(reads: InputPlan, tasks: Sequence[str]) -> Plan:
    of = tuple(TaskPlan(name, "regression", 1, frozenset({"x"})) for name in tasks)
    return Plan((reads,), of, (("regression", 1),))


def aligned(arrays: Mapping[str, Any], y: np.ndarray) -> AlignedSet:
    """These arrays of the input with y float32 [rows, task]: no row without it, every label there."""
    there = np.ones(y.shape, np.bool_)
    return AlignedSet({"x": {**arrays, "present": there[:, 0]}}, y, there, names(y.shape[1]))


def epoch_of(reads: InputPlan, rows: AlignedSet, model: Mapping[str, Any], training: Mapping[str, Any]) -> Work:
    """One epoch on one thread, without dropout. Relatedness is not tracked unless it is asked for."""
    shape = Model(**{"dropout": 0, **model})
    asked = Training(**{"device": "cpu", "threads": 1, "relatedness": None, **training})
    context = settings(asked)
    context.__enter__()  # for as long as this process lives
    cpu = torch.device("cpu")
    run = Run.start(plan_of(reads, rows.tasks), shape, asked, shape.sharing, cpu)
    store = Store.of(run.plan, rows, cpu)
    count = train_steps(run.network, store, asked.optimizer, asked.batch_size)
    run.meet(store.mask)
    run.tracker = tracker_of(run.network, store.mask, asked.relatedness)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)
        look_ahead(run, store, count)

    return epoch
