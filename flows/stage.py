"""The flow `stage`: one stage of the graph on a worker of another pool, for `prefect deploy` and its workers."""

from pathlib import Path

from mtl.orchestration.local import prepare_environment

prepare_environment(Path.cwd())

from mtl.orchestration.flow_stage import stage  # noqa: E402 - Prefect reads its settings when it is imported

__all__ = ["stage"]
