"""Which versions `mtl gc` keeps, and why; the others are taken out of the registry with their runs and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtl.errors import RegistryError
from mtl.layout import DVC_LOCK
from mtl.registry.history import Entry, champion_before, read_history
from mtl.registry.store import CHAMPION, Store, answering
from mtl.registry.verbs import opened
from mtl.registry.version import CONTENT, delete_run
from mtl.registry.versions import Artifacts, every_version
from mtl.spec import Spec


@dataclass(frozen=True)
class Collection:
    """What is to be freed: versions, and runs that have lost theirs; `kept`: version -> why; `size` in bytes, of files that lie in
    the project's own folder."""

    kept: Mapping[int, str]
    versions: Mapping[int, str]
    """Version -> its run."""
    runs: tuple[str, ...]
    size: int


def collectable(root: Path, spec: Spec, newest: int) -> Collection:
    """What the registry of the project in `root` would free if it kept the `newest` versions.

    Kept besides: whatever an alias points to, champion and candidate among them, the champion before today's, and the champion
    that each kept version met. Raises RegistryError where the registry does not answer.
    """
    store = opened(root, spec)
    if store is None:
        return Collection({}, {}, (), 0)
    with answering(store.uri):
        known = {int(one.version): str(one.run_id) for one in every_version(store)}
        aliases = store.client.get_registered_model(store.name).aliases
        kept = keep(known, {str(name): int(number) for name, number in aliases.items()}, read_history(store), newest)
        free = {number: run for number, run in known.items() if number not in kept}
        runs = tuple(_without_version(store, set(known.values())))
        size = sum(_size(store, run) for run in (*free.values(), *runs))
    return Collection(kept, free, runs, size)


def keep(known: Mapping[int, Any], aliases: Mapping[str, int], history: list[Entry], newest: int) -> dict[int, str]:
    """Version -> why it stays."""
    kept: dict[int, list[str]] = {number: ["newest"] for number in sorted(known, reverse=True)[:newest]}
    for name, number in aliases.items():
        kept.setdefault(number, []).append(name)
    champion = aliases.get(CHAMPION)
    met = {entry.before: entry.version for entry in history if entry.version in kept and entry.before is not None}
    below = champion_before(history, champion)
    if below is not None:
        kept.setdefault(below, []).append(f"champion before {champion}" if champion is not None else "was champion")
    for number, who in met.items():
        kept.setdefault(number, [f"champion that {who} met"])
    return {number: ", ".join(why) for number, why in sorted(kept.items(), reverse=True) if number in known}


def free(root: Path, spec: Spec, found: Collection) -> None:
    """Take what was found out of the registry; a kill in the middle leaves runs that the next call finds."""
    store = opened(root, spec)
    if store is None:
        return
    with answering(store.uri):
        for number, run in found.versions.items():
            store.client.delete_model_version(store.name, str(number))
            delete_run(store, run)
        for run in found.runs:
            delete_run(store, run)


def stored_locks(root: Path, spec: Spec, versions: Mapping[int, Any]) -> dict[int, Path]:
    """Version -> its dvc.lock; those that have none, since no DVC made them, are left out.

    Raises RegistryError for a version whose files are gone: nobody knows then what it names.
    """
    store = opened(root, spec) if versions else None
    if store is None:
        return {}
    found = {}
    for number in versions:
        with answering(store.uri):
            files = Artifacts.of_version(store, number)
            lock = files.file(DVC_LOCK.name)
        if not files.names():
            raise RegistryError(
                f"version {number} of {store.name!r}", expected="its files, which say what it needs of DVC's cache", found="none",
                do="restore them, or delete the version in MLflow",
            )  # fmt: skip
        if lock is not None:
            found[number] = lock
    return found


def _without_version(store: Store, runs: set[str]) -> Iterator[str]:
    """Finished runs of candidates that no version names: of versions that were deleted by hand, or by a call that was killed."""
    experiment = store.client.get_experiment_by_name(store.name)
    if experiment is None:
        return
    for run in store.client.search_runs([experiment.experiment_id], max_results=50_000):
        if CONTENT in run.data.tags and run.info.status != "RUNNING" and run.info.run_id not in runs:
            yield str(run.info.run_id)


def _size(store: Store, run: str) -> int:
    """Bytes of a run's files and of its model's, as far as they lie on this machine's disk, in the project."""
    if not store.is_own:
        return 0
    info = store.client.get_run(run).info
    models = store.client.search_logged_models([info.experiment_id], f"source_run_id = '{run}'")
    folders = [Path(location) for location in (info.artifact_uri, *(one.artifact_location for one in models))]
    inside = [folder for folder in folders if folder.is_relative_to(store.root)]
    return sum(file.stat().st_size for folder in inside for file in folder.rglob("*") if file.is_file())
