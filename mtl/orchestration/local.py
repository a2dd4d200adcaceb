"""Where Prefect and DVC keep their things in a workspace that has no server: inside the project's folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path

from mtl.layout import PREFECT, STATE
from mtl.orchestration.server import start_server
from mtl.orchestration.server_of import join_services

DVC_SITE = STATE / "dvc"


def prepare_environment(root: Path, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what Prefect and DVC read of the environment; to be called before either is imported.

    A Prefect server of the user's (PREFECT_API_URL), a home or a level of logging that is set already stays as it
    is. Without one, Prefect starts a temporary server of its own, with its database in `.mtl/prefect`.
    """
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each stage would compile every import anew
    environ.setdefault("DVC_SITE_CACHE_DIR", str((root / DVC_SITE).resolve()))
    environ.setdefault("DVC_NO_ANALYTICS", "true")
    environ.setdefault("DO_NOT_TRACK", "1")
    environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    environ.setdefault("PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY", "false")
    if "PREFECT_API_URL" in environ:
        return
    environ.setdefault("PREFECT_HOME", str((root / PREFECT).resolve()))
    environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "true")
    environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "ERROR")
    environ.setdefault("PREFECT_UI_ENABLED", "false")
    environ.setdefault("PREFECT_API_BLOCKS_REGISTER_ON_START", "false")  # 2-3 s of the first start, for blocks nobody uses
    environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")  # the first start makes the database
    Path(environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)


def child_environment() -> dict[str, str]:
    """The environment of a stage: this interpreter's folder first on PATH, parent's pid for `die_with_parent`."""
    environ = dict(os.environ)
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])
    environ["PYTHONUNBUFFERED"] = "1"
    return environ


def local_server(root: Path) -> Callable[[], None]:
    """Start a server for the rest of this process, unless the user has one; the result waits until it answers.

    To be called before Prefect is imported, and the wait after: the two take their time side by side.
    """
    joined = join_services(root)
    prepare_environment(root)
    if joined:
        return lambda: None
    home = Path(os.environ["PREFECT_HOME"])
    server = start_server(home)
    os.environ["PREFECT_API_URL"] = server.url
    return server.wait


def keep_console_quiet(environ: MutableMapping[str, str] = os.environ) -> None:
    """Prefect's log goes to its server alone: at the terminal our own lines say the same in fewer words."""
    environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
