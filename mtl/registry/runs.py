"""A candidate's run in MLflow with its logged models and their files: who names it, what it takes, and how it is deleted."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtl.errors import RegistryError
from mtl.registry.store import Store


@dataclass(frozen=True)
class Parts:
    """What there is of a run. `is_active`: its entry is neither deleted nor gone; `folder`: URI of its files, None if the entry is
    gone; `models`: logged model -> URI of its files."""

    run: str
    is_active: bool
    folder: str | None
    models: Mapping[str, str]

    @property
    def folders(self) -> list[str]:
        return [*self.models.values(), *([] if self.folder is None else [self.folder])]

    def are_named_by(self, version: Any) -> bool:
        """Whether MLflow's `version` is of this run, or its source is a model of it or lies in their files."""
        if version.run_id == self.run:
            return True
        source = f"{str(version.source or '').removeprefix('file://').rstrip('/')}/"
        named = [*(f"models:/{model}" for model in self.models), f"runs:/{self.run}", *self.folders]
        return any(source.startswith(f"{one.removeprefix('file://').rstrip('/')}/") for one in named)


def find_run(store: Store, run: str | None) -> Any | None:
    """MLflow's run, also a deleted one; None if nothing is known of it any more."""
    from mlflow.exceptions import MlflowException

    if not run:
        return None
    try:
        return store.client.get_run(run)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def run_parts(store: Store, run: str) -> Parts:
    """Of a run whose entry is gone: the models in this project's experiment that name it."""
    found = find_run(store, run)
    experiment = store.client.get_experiment_by_name(store.name) if found is None else None
    where = found.info.experiment_id if found is not None else experiment and experiment.experiment_id
    models = store.client.search_logged_models([str(where)], f"source_run_id = '{run}'") if where else []
    return Parts(
        run, found is not None and found.info.lifecycle_stage == "active", None if found is None else str(found.info.artifact_uri),
        {str(one.model_id): str(one.artifact_location) for one in models},
    )  # fmt: skip


def is_named(store: Store, parts: Parts, versions: Iterable[Any]) -> bool:
    """Whether one of these versions, or one of another registered model, needs the run."""
    if any(parts.are_named_by(one) for one in versions):
        return True
    asked = [f"run_id = '{parts.run}'", *(f"source_path = 'models:/{model}'" for model in parts.models)]
    return any(one.name != store.name for ask in asked for one in store.client.search_model_versions(ask))


def delete_run(store: Store, run: str) -> None:
    """Delete a run with its models and files, whatever of them is still there; safe to repeat.

    Files go before the entry that leads to them: whatever ends this process leaves an entry by which a later call finds the rest.
    Raises RegistryError where files cannot be removed.
    """
    parts = run_parts(store, run)
    for model, location in parts.models.items():
        delete_logged_model(store, model, location)
    if parts.folder is not None:
        _remove_files(store, parts.folder)
    if parts.is_active:
        store.client.set_terminated(run, "FAILED")
        store.client.delete_run(run)


def delete_logged_model(store: Store, model: str, location: str) -> None:
    """Delete a logged model, its files at `location` first."""
    _remove_files(store, location)
    store.client.delete_logged_model(model)


def run_files(store: Store, parts: Parts) -> Iterator[Path]:
    """The files that go with a run: those in the project's own folder."""
    for location in parts.folders:
        if (folder := own_folder(store, location)) is not None:
            yield from (file for file in folder.rglob("*") if file.is_file())


def own_folder(store: Store, location: str) -> Path | None:
    """The folder of a run or a model at the URI of its artifacts, if it lies among the project's own."""
    own, folder = store.root / "mlruns" / store.name, Path(location)
    if not store.is_own or not folder.is_relative_to(own) or folder == own:
        return None
    return folder.parent if folder.name == "artifacts" else folder


def _remove_files(store: Store, location: str) -> None:
    """MLflow's delete keeps the files until `mlflow gc`; those in the project's own folder go at once."""
    folder = own_folder(store, location)
    try:
        if folder is not None:
            shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RegistryError(
            f"files of {store.name!r} in {folder}", expected="a folder that can be removed", found=str(error),
            do="let it be written to, or remove it; then run again",
        ) from error  # fmt: skip
