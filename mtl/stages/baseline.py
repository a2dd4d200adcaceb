"""`mtl baseline`: the honest rival, one network a task by the same loop -> models/single_task."""

from __future__ import annotations

from mtl.layout import SINGLE_TASK
from mtl.spec import read_spec
from mtl.stages._fitting import fit_and_pack


def run() -> str:
    return fit_and_pack(read_spec(), "separate", SINGLE_TASK, "single_task")
