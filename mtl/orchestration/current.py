"""Whether what lies in the workspace is of today's spec, data and code, for verbs that read it beside the graph."""

from __future__ import annotations

from pathlib import Path

from mtl.errors import DataError
from mtl.orchestration.graph import read_plan
from mtl.orchestration.local import prepare_environment


def must_be_current(root: Path, stage: str) -> None:
    """Raise DataError if DVC would run `stage`, or one that it needs, before it gave its outputs."""
    prepare_environment(root)
    plan = read_plan(root, [stage])
    stale = [name for name in plan.needs if name in plan.stale]
    if stale:
        raise DataError(
            "the rows to learn from are not those that params.yaml describes", expected="every stage done up to " + stage,
            found=f"stale: {', '.join(stale)}", do=f"run `dvc repro {stage}`, or `mtl run`, first",
        )  # fmt: skip
