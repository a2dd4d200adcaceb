"""The reference profile of a version: what `mtl monitor` compares batches with. It lies beside the model, as JSON."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mtl.errors import RegistryError
from mtl.files import read_json, write_json
from mtl.registry.package import Package, read_package
from mtl.registry.store import Store
from mtl.registry.verbs import champion_package
from mtl.registry.version import MODEL_FOLDER, REFERENCE, Candidate
from mtl.spec import Spec

LOGGED = "models:/"
"""What a version's source begins with, before the id of its logged model."""


def complete(store: Store, version: int, candidate: Candidate) -> None:
    """Give a version of this candidate the profile if it lacks one, since it was registered before there were any."""
    if candidate.reference is None:
        return
    source = str(store.client.get_model_version(store.name, str(version)).source)
    model = source.removeprefix(LOGGED)
    if model == source or REFERENCE in {Path(file.path).name for file in store.client.list_logged_model_artifacts(model)}:
        return
    with tempfile.TemporaryDirectory(prefix="mtl-") as folder:
        write_json(Path(folder) / REFERENCE, candidate.reference(read_package(candidate.folder)))
        store.client.log_model_artifact(model, str(Path(folder) / REFERENCE))


def champion_reference(root: Path, spec: Spec) -> tuple[int, Package, dict[str, Any]]:
    """The champion's version, its model and its reference profile. Raises RegistryError if there is no champion, or no profile."""
    version, package = champion_package(root, spec)
    file = package.folder.parents[len(Path(MODEL_FOLDER).parts) - 1] / REFERENCE
    if not file.is_file():
        raise RegistryError(
            f"version {version} of {spec.name!r}, the champion", expected="a reference profile of what it was trained on",
            found="none: it was registered before there were any",
            do="run `mtl run` in the workspace that trained it (its stage `register` adds the profile), or train and register anew",
        )  # fmt: skip
    profile: dict[str, Any] = read_json(file)
    return version, package, profile
