"""The programs that the supervisor starts: Prefect's server, MLflow's, a worker for each pool, and who looks for new data."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mtl.services.places import HOST, MARK, Places, workspace_id

QUIET = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # four processes more, for jobs that nobody gives it
}
LEASES = "prefect.server.concurrency.lease_storage.filesystem"
"""In memory, as Prefect has it, a restart of the server forgets who holds which slot: a long run is then cancelled when it renews
its lease, and its slot never comes free."""
HEARTBEAT = 30
"""Seconds between two signs of life of a run; Prefect's least. A run that is silent for three times as long has crashed."""
POLL = 2
"""Seconds between two looks of a worker for runs that are due."""


@dataclass(frozen=True)
class Program:
    """One program: its name, command, and environment beside the supervisor's own."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    health: str = ""
    """URL that answers 200 when it is ready; empty: nobody waits for it."""
    port: int = 0


def servers(places: Places) -> list[Program]:
    """They have to answer before the workers begin."""
    return [_prefect(places), _mlflow(places)]


def workers(places: Places) -> list[Program]:
    """One a pool, and one that looks for new data where the spec asks for that."""
    found = [worker(places.root, pool, limit, places.environment()) for pool, limit in places.services.here.items()]
    if places.services.watch:
        found.append(Program("watch", (sys.executable, "-m", "mtl.orchestration.arrivals", str(places.root)), places.environment()))
    return found


def worker(root: Path, pool: str, limit: int, environment: Mapping[str, str]) -> Program:
    """A worker of the pool that runs flows in the folder `root`, `limit` at a time."""
    own = {
        **environment, "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT), "PREFECT_WORKER_QUERY_SECONDS": str(POLL),
        "MTL_WORKSPACE": str(root), "MTL_POOL": pool,
    }  # fmt: skip
    name = f"{pool}-{workspace_id(root)}"
    command = _prefect_command("worker", "start", "--pool", pool, "--type", "process", "--name", name, "--limit", str(limit))
    return Program(f"worker-{pool}", command, own)


def base_environment(places: Places) -> dict[str, str]:
    """This process's own, quiet, marked, with this interpreter's folder first on PATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([folder, environment.get("PATH", os.defpath)])
    return environment | QUIET | {"PATH": path, "PYTHONUNBUFFERED": "1", MARK: str(places.root)}


def _prefect(places: Places) -> Program:
    port = places.services.prefect.port
    environment = {
        **places.environment(), "PREFECT_SERVER_DATABASE_CONNECTION_URL": places.prefect_store,
        "PREFECT_SERVER_UI_API_URL": places.prefect_api,  # on another port than 4200 the pages ask the wrong one without it
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": f"{places.environment()['PREFECT_HOME']}/ui",
    }  # fmt: skip
    command = _prefect_command("server", "start", "--host", HOST, "--port", str(port), "--analytics-off")
    return Program("prefect", command, environment, f"{places.prefect_api}/health", port)


def _mlflow(places: Places) -> Program:
    port = places.services.mlflow.port
    # Artifacts are written straight into the project's folder, so that `mtl run` without a server finds them there too.
    command = (
        sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1",
        "--no-serve-artifacts", "--default-artifact-root", str(places.artifacts),
    )  # fmt: skip
    environment = {"MLFLOW_BACKEND_STORE_URI": places.mlflow_store}  # may hold a password: nothing for a list of processes
    return Program("mlflow", command, environment, f"{places.mlflow}/health", port)


def _prefect_command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "prefect", "--no-prompt", *arguments)
