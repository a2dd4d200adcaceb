"""The flow `monitor`, for `prefect deploy` and its workers."""

from pathlib import Path

from mtl.orchestration.local import prepare_environment

prepare_environment(Path.cwd())

from mtl.orchestration.flow_monitor import monitor  # noqa: E402 - Prefect reads its settings when it is imported

__all__ = ["monitor"]
