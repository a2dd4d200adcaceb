"""The flow `backfill`, for `prefect deploy` and its workers."""

from pathlib import Path

from mtl.orchestration.local import prepare_environment

prepare_environment(Path.cwd())

from mtl.orchestration.flow_backfill import backfill  # noqa: E402 - Prefect reads its settings when it is imported

__all__ = ["backfill"]
