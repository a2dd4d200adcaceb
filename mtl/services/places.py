"""Ports and folders of a workspace's services, in one place."""

from __future__ import annotations

import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from mtl.errors import SpecError
from mtl.layout import MLFLOW, STATE
from mtl.spec import Server, Services

HOST = "127.0.0.1"
"""Loopback: nobody else's machine reaches the servers, and none of them asks for a password."""
HOME = STATE / "services"
STATUS = HOME / "services.json"
"""Who supervises, since when, what runs; gone when nothing does."""
LOCK = HOME / "services.lock"
PREFECT_HOME = HOME / "prefect"
ARTIFACTS = Path("mlruns")
MARK = "MTL_SERVICES"
"""Environment variable that every process of a workspace's services carries; its value is the workspace."""
OWN_REGISTRY = "MTL_OWN_REGISTRY"
"""Environment variable: the workspace whose own registry the server of MLFLOW_TRACKING_URI gives access to."""


def workspace_id(root: Path) -> str:
    """What tells one folder from all others, on this machine and elsewhere; also the end of its workers' names."""
    return f"{socket.gethostname()}-{hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:10]}"


@dataclass(frozen=True)
class Places:
    """Where the services of the workspace `root` are."""

    root: Path
    services: Services

    @property
    def prefect(self) -> str:
        return f"http://{HOST}:{self.services.prefect.port}"

    @property
    def prefect_api(self) -> str:
        return f"{self.prefect}/api"

    @property
    def mlflow(self) -> str:
        return f"http://{HOST}:{self.services.mlflow.port}"

    @property
    def prefect_store(self) -> str:
        """URL of the Prefect server's database."""
        return _driver(_store(self.services.prefect, "prefect"), "asyncpg") or f"sqlite+aiosqlite:///{self._home / 'prefect.db'}"

    @property
    def mlflow_store(self) -> str:
        """URL of the MLflow server's database: the same file that `mtl run` uses where there is no server."""
        return _driver(_store(self.services.mlflow, "mlflow"), "psycopg") or f"sqlite:///{self.root / MLFLOW}"

    @property
    def artifacts(self) -> Path:
        return self.root / ARTIFACTS

    @property
    def _home(self) -> Path:
        return self.root / PREFECT_HOME

    def log(self, name: str) -> Path:
        return self.root / HOME / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """What a process needs in order to use these servers."""
        return {
            "PREFECT_API_URL": self.prefect_api,
            "PREFECT_HOME": str(self._home),
            "MLFLOW_TRACKING_URI": self.mlflow,
            OWN_REGISTRY: str(self.root),
        }


def _store(server: Server, name: str) -> str:
    """The URL of a server's database as the spec says it; empty if it says none."""
    said = server.store or ""
    if not said.startswith("env:"):
        return said
    variable = said.removeprefix("env:")
    if not os.environ.get(variable):
        raise SpecError(
            f"params.yaml, operations.services.{name}.store", expected=f"a database's URL in the environment variable {variable}",
            found="nothing there", do=f"export {variable}=postgresql://user:password@host/database",
        )  # fmt: skip
    return os.environ[variable]


def _driver(url: str, driver: str) -> str:
    """A PostgreSQL URL with the driver that the server in question is written for."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+{driver}{separator}{rest}" if scheme in ("postgres", "postgresql") else url
