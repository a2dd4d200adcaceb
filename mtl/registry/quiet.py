"""MLflow without noise: no telemetry, no log of its own migrations, no minutes of retries."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # MLflow's 7 with backoff are two minutes of silence
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Environment variable -> what it is unless somebody has said otherwise."""


def quiet() -> None:
    """Set these and import MLflow, which reads them once and warns of its own type hints while it is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with no_warnings():
        importlib.import_module("mlflow.pyfunc")


@contextmanager
def no_warnings() -> Iterator[None]:
    """MLflow 3.17 calls pandas in ways that pandas 3 deprecates; nobody here can mend that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
