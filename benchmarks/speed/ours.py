"""mtl's own loop on the same network: one epoch of `train_epoch`, with whatever balancing it is asked for.

Relatedness is not tracked unless it is asked for, since it is measured by itself.
"""

from __future__ import annotations

from benchmarks.ours import epoch_of, names, plan_of
from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH, Arrays, read_arrays
from benchmarks.worker import Question, Work
from mtl.data.aligned import AlignedSet
from mtl.network.input_plans import TabularPlan
from mtl.network.plan import Plan

READS = TabularPlan("x", FEATURES, gaps=())


def aligned(arrays: Arrays) -> AlignedSet:
    """The arrays as the aligned set has them."""
    x = arrays.x
    there = {"missing": x != x, "categorical": x[:, :0].astype("int32"), "present": x[:, 0] == x[:, 0]}
    return AlignedSet({"x": {"numeric": x, **there}}, arrays.y, arrays.labelled, names(arrays.y.shape[1]))


def plan(tasks: int) -> Plan:
    """One input of FEATURES numbers, regression tasks that all see it."""
    return plan_of(READS, names(tasks))


def start(question: Question) -> Work:
    rows = aligned(read_arrays(question["work"]))
    model = {"width": WIDTH, "depth": DEPTH, **question.get("model", {})}
    return epoch_of(READS, rows, model, {"batch_size": BATCH, **question.get("training", {})})
