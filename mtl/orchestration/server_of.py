"""Which Prefect server a workspace uses: the one in the environment, else the one that `mtl up` has started here."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

from mtl.errors import MtlError
from mtl.services.running import running


def join_services(root: Path, environ: MutableMapping[str, str] = os.environ) -> bool:
    """Let this process use the servers that `mtl up` runs for the workspace, if it does; a server that the user has set stays.

    To be called before Prefect and MLflow are imported.
    """
    if "PREFECT_API_URL" in environ:
        return True
    now = running(root)
    if now is None or now.state != "up":
        return False
    for name, value in now.environment.items():
        environ.setdefault(name, value)
    return True


def use_server(root: Path) -> str:
    """URL of the API of the server. Raises MtlError if there is none."""
    from mtl.orchestration.local import prepare_environment

    if not join_services(root):
        raise MtlError(
            "no Prefect server", expected="one that runs", found="none here, and no PREFECT_API_URL", do="start it: mtl up -d"
        )
    prepare_environment(root)
    return os.environ["PREFECT_API_URL"]
