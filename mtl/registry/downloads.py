"""Copies of artifacts that lie elsewhere: all in one temporary folder a process, which goes with it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit


def fetched(uri: str, tracking_uri: str) -> Path:
    """The artifact at `uri`: in place if it is local, else a copy that stays until this process ends."""
    from mlflow.artifacts import download_artifacts

    is_local = urlsplit(uri).scheme in ("", "file")  # with a folder to go to, MLflow copies these as well
    to = None if is_local else str(new_folder())
    return Path(download_artifacts(artifact_uri=uri, dst_path=to, tracking_uri=tracking_uri))


def new_folder() -> Path:
    """A new folder that is removed when this process ends."""
    return Path(tempfile.mkdtemp(dir=_of_process(os.getpid())))


@cache
def _of_process(pid: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mtl-registry-"))
    atexit.register(_remove, folder, pid)
    return folder


def _remove(folder: Path, pid: int) -> None:
    """A forked child has its parent's list of things to do at its end."""
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
