"""Copies of what lies elsewhere: made in one folder a process, which goes with it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.store.artifact import artifact_repository_registry as repositories
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

from mtl.registry.downloads import fetched, new_folder
from mtl.registry.version import version_folder
from mtl.registry.versions import Artifacts


class Far(LocalArtifactRepository):
    """A folder that is not looked at in place, as an object store's is not."""

    def __init__(self, artifact_uri: str, *_: Any, **__: Any) -> None:
        super().__init__(artifact_uri.removeprefix("far:"))

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        return str(super().download_artifacts(artifact_path, dst_path or tempfile.mkdtemp()))


@pytest.fixture
def far(tmp_path, monkeypatch):
    """A store whose version 1 lies in `far:…`, and the folder that temporary files go to."""
    registry = repositories._artifact_repository_registry
    monkeypatch.setitem(registry._registry, "far", Far)
    model, temporary = tmp_path / "model", tmp_path / "tmp"
    model.mkdir()
    temporary.mkdir()
    (model / "lineage.json").write_text('{"a": 1}')
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    client = SimpleNamespace(get_model_version_download_uri=lambda *_: f"far:{model}")
    return SimpleNamespace(name="m", uri=f"sqlite:///{tmp_path}/m.db", client=client), temporary


def test_looks_at_a_far_registry_leave_nothing_outside_this_process_folder(far):
    store, temporary = far
    ours = new_folder().parent
    for _ in range(3):
        folder = version_folder(store, 1)
        assert (folder / "lineage.json").read_text() == '{"a": 1}'
        assert folder.is_relative_to(ours)
        assert Artifacts.of_version(store, 1).json("lineage.json") == {"a": 1}
    assert {one for one in temporary.iterdir() if one != ours} == set()


def test_what_is_local_is_given_in_place(tmp_path):
    assert fetched(str(tmp_path), "sqlite://") == tmp_path
    assert fetched(tmp_path.as_uri(), "sqlite://") == tmp_path


CHILD = """
import os, sys
from mtl.registry.downloads import new_folder
made = new_folder()
(made / "file").write_text("x")
child = os.fork()
if not child:
    theirs = new_folder()
    assert theirs.parent != made.parent
    print(theirs, flush=True)
    sys.exit()
os.waitpid(child, 0)
assert (made / "file").is_file()
print(made, flush=True)
"""


def test_the_folder_goes_with_its_process_and_not_with_a_child_of_it():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    made = [Path(line) for line in done.stdout.split()]
    assert len(made) == 2
    assert not any(one.parent.exists() for one in made)
