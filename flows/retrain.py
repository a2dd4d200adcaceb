"""The flow `retrain`, for `prefect deploy` and its workers; as a script it is `mtl run`."""

from pathlib import Path

from mtl.orchestration import run_pipeline
from mtl.orchestration.local import prepare_environment

if __name__ == "__main__":
    raise SystemExit(run_pipeline(Path.cwd()))

prepare_environment(Path.cwd())

from mtl.orchestration.flow import retrain  # noqa: E402 - Prefect reads its settings when it is imported

__all__ = ["retrain"]
