"""Where the registry is, whether it answers, and a client for it."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mtl.errors import RegistryError
from mtl.files import replacing
from mtl.layout import MLFLOW
from mtl.registry.moved import follow_move
from mtl.registry.quiet import quiet
from mtl.services.places import OWN_REGISTRY, Places
from mtl.spec import SPEC, read_spec

if TYPE_CHECKING:
    from mlflow import MlflowClient

ARTIFACTS = Path("mlruns")
TRACKING_URI = "MLFLOW_TRACKING_URI"
PATIENCE = 3.0
"""Seconds a server has to answer."""
PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
CHAMPION, CANDIDATE = "champion", "candidate"


@dataclass(frozen=True)
class Store:
    """An open registry, and the name of the model in it."""

    client: MlflowClient
    uri: str
    root: Path
    name: str
    is_own: bool
    """Whether it is the project's own file, also behind the server that `mtl up` starts; not what somebody else named."""

    @contextmanager
    def as_default(self) -> Iterator[None]:
        """MLflow's SQL registry looks a logged model up in the default store, whatever store it was asked through."""
        before = os.environ.get(TRACKING_URI)
        os.environ[TRACKING_URI] = self.uri
        try:
            yield
        finally:
            if before is None:
                del os.environ[TRACKING_URI]
            else:
                os.environ[TRACKING_URI] = before

    def alias(self, alias: str) -> int | None:
        """The version that an alias points to; None if there is no such alias."""
        from mlflow.exceptions import MlflowException

        try:
            return int(self.client.get_model_version_by_alias(self.name, alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def tracking_uri(root: Path) -> str:
    """`MLFLOW_TRACKING_URI`; else the database that the spec names; else the file that a plain `mlflow ui` in the folder reads.

    The file's path is not quoted as MLflow 3.17 quotes its own default: SQLAlchemy reads `%20` as it stands, and the database of
    `my project/` would lie in a new folder `my%20project/` beside it.
    """
    said = os.environ.get(TRACKING_URI)
    if said or not (root / SPEC).is_file():
        return said or _file_uri(root)
    return Places(root.resolve(), read_spec(root / SPEC).operations.services).mlflow_store


def _file_uri(root: Path) -> str:
    return f"sqlite:///{root.resolve() / MLFLOW}"


def open_store(root: Path, name: str) -> Store:
    """The registry of the project in `root`, made if it is the project's own and not there yet.

    Raises RegistryError within seconds if a server does not answer.
    """
    quiet()
    from mlflow import MlflowClient

    uri = tracking_uri(root)
    is_own = _is_own(root, uri)
    _must_answer(uri)
    with answering(uri):
        if uri == _file_uri(root):
            _make_own(root.resolve() / MLFLOW)
        if is_own:
            follow_move(root.resolve() / MLFLOW, name, root.resolve() / ARTIFACTS / name)
        client = MlflowClient(tracking_uri=uri)
        client.search_registered_models(max_results=1)
    return Store(client, uri, root.resolve(), name, is_own)


def _is_own(root: Path, uri: str) -> bool:
    """Whether the registry at `uri` is the folder's own file, or the server that its own `mtl up` has put before that file."""
    if uri == _file_uri(root):
        return True
    if os.environ.get(OWN_REGISTRY) != str(root.resolve()):
        return False
    # As it is said: the variable that `env:NAME` means may be set only where the server was started.
    said = read_spec(root / SPEC).operations.services.mlflow.store if (root / SPEC).is_file() else None
    return said in (None, "", _file_uri(root))


def _make_own(file: Path) -> None:
    """Make the project's own database beside its name, then rename it.

    MLflow makes its 50 tables one by one, for seconds; killed among them it could never open the file again.
    """
    from mlflow import MlflowClient

    if not file.is_file():
        with replacing(file) as partial:
            Path(f"{partial}-journal").unlink(missing_ok=True)  # of an earlier attempt that was killed
            MlflowClient(tracking_uri=f"sqlite:///{partial}").search_registered_models(max_results=1)


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Whatever goes wrong with the registry at `uri` inside is a RegistryError."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise _unusable(uri, str(error).splitlines()[0][:300] if str(error) else type(error).__name__) from error


def has_store(root: Path) -> bool:
    """Whether there is a registry to read from, without making one."""
    return tracking_uri(root) != _file_uri(root) or (root / MLFLOW).is_file()


def experiment(store: Store) -> str:
    """Id of the MLflow experiment of this model, made or restored if need be; its artifacts lie in mlruns/NAME."""
    found = store.client.get_experiment_by_name(store.name)
    if found is None:
        own = str(store.root / ARTIFACTS / store.name) if store.is_own else None
        return str(store.client.create_experiment(store.name, artifact_location=own))
    if found.lifecycle_stage == "deleted":
        store.client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _must_answer(uri: str) -> None:
    parts = urlsplit(uri)
    dialect = parts.scheme.split("+")[0]
    try:
        if parts.scheme in ("http", "https"):
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=PATIENCE):
                return
        elif dialect in PORTS and parts.hostname:
            socket.create_connection((parts.hostname, parts.port or PORTS[dialect]), PATIENCE).close()
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
        if status >= 500:  # a gateway with nothing behind it; any other status is an answer
            raise _unusable(uri, f"HTTP {status}") from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise _unusable(uri, str(getattr(error, "reason", error)) or type(error).__name__) from None


def _unusable(uri: str, found: str) -> RegistryError:
    return RegistryError(
        f"the registry at {without_password(uri)}", expected="an MLflow store that answers", found=found,
        do="make room, then run again" if "is full" in found or "No space left" in found
        else f"start it, or correct {TRACKING_URI}; unset it for the project's own file {MLFLOW}",
    )  # fmt: skip


def without_password(uri: str) -> str:
    """`uri` with *** in place of its password, also where that holds what should have been quoted, or stands among the options."""
    uri = re.sub(r"(://[^:/?#@]*:).*@", r"\1***@", uri)
    return re.sub(r"(?i)(passw(?:or)?d=)[^&]*", r"\1***", uri)
