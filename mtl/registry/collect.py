"""Which versions `mtl gc` keeps, and why; the others are taken out of the registry with their runs and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtl.errors import RegistryError
from mtl.layout import DVC_LOCK
from mtl.registry.history import Entry, champion_before, read_history
from mtl.registry.runs import Parts, delete_run, is_named, own_folder, run_files, run_parts
from mtl.registry.store import CHAMPION, TRACKING_URI, Store, answering, tracking_uri, without_password
from mtl.registry.verbs import opened
from mtl.registry.version import CONTENT
from mtl.registry.versions import Artifacts, every_version
from mtl.spec import SPEC, Spec


@dataclass(frozen=True)
class Collection:
    """What is to be freed, or was: versions and runs with their files."""

    kept: Mapping[int, str]
    """Version -> why."""
    versions: Mapping[int, str | None]
    """Version -> its run."""
    runs: Mapping[str, int]
    """Run that no version names then -> bytes of its files and its models', as far as they lie in the project's own folder."""

    @property
    def size(self) -> int:
        return sum(self.runs.values())

    @property
    def lost(self) -> list[str]:
        """The runs that had no version before."""
        return [run for run in self.runs if run not in self.versions.values()]


def collectable(root: Path, spec: Spec, newest: int) -> Collection:
    """What the registry of the project in `root` would free if it kept the `newest` versions.

    Kept besides: whatever an alias points to, champion and candidate among them, the champion before today's, and the champion
    that each kept version met. A run stays whole while any version that stays names it or a model of it. Raises RegistryError
    where the registry does not answer.
    """
    store = opened(root, spec)
    if store is None:
        return Collection({}, {}, {})
    with answering(store.uri):
        ended = _ended(store)  # before the versions: a registration that ends in between is in the second list, or in none
        versions = every_version(store)
        kept = _kept(store, versions, newest)
        going = {int(one.version): one.run_id or None for one in versions if int(one.version) not in kept}
        stay = [one for one in versions if int(one.version) in kept]
        held = {one.run_id for one in stay}
        runs = dict.fromkeys(run for run in (*going.values(), *ended) if run and run not in held)
        parts = [run_parts(store, run) for run in runs]
        sizes = {one.run: _size(store, one) for one in parts if not is_named(store, one, stay)}
    return Collection(kept, going, sizes)


def must_have_versions(root: Path, spec: Spec, found: Collection) -> None:
    """Raises RegistryError if the registry kept no version: it is not the one, or not the name, that the data belong to."""
    if not found.kept:
        raise RegistryError(
            f"versions of {spec.name!r} in the registry at {without_password(tracking_uri(root))}",
            expected="one at least, to say what is needed of DVC's cache", found="no version; nothing was freed",
            do=f"set {TRACKING_URI} to where they are, or correct `name` in {SPEC}; "
            "or run `dvc gc -w` if the cache alone is meant, which leaves what the workspace names",
        )  # fmt: skip


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


def free(root: Path, spec: Spec, found: Collection, newest: int) -> Collection:
    """Take what was found out of the registry; what was freed indeed.

    Others may work on the registry meanwhile: before each deletion it is asked again, and what is needed by now stays. A call that
    is killed leaves runs without a version, which the next call finds.
    """
    store = opened(root, spec)
    if store is None:
        return Collection(found.kept, {}, {})
    kept, versions, runs = dict(found.kept), dict(found.versions), dict(found.runs)
    with answering(store.uri):
        for number in found.versions:
            there = every_version(store)
            why = _kept(store, there, newest).get(number)
            if why is not None:
                kept[number] = f"by now {why}"
                del versions[number]
            elif any(int(one.version) == number for one in there):
                store.client.delete_model_version(store.name, str(number))
        for run in found.runs:
            if is_named(store, run_parts(store, run), every_version(store)):
                del runs[run]
            else:
                delete_run(store, run)
    return Collection(dict(sorted(kept.items(), reverse=True)), versions, runs)


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


def _kept(store: Store, versions: Iterable[Any], newest: int) -> dict[int, str]:
    aliases = store.client.get_registered_model(store.name).aliases
    known = {int(one.version): one for one in versions}
    return keep(known, {str(name): int(number) for name, number in aliases.items()}, read_history(store), newest)


def _ended(store: Store) -> list[str]:
    """Runs of candidates that are no longer at work; of deleted ones those whose files are still in the project's folder."""
    from mlflow.entities import ViewType

    experiment = store.client.get_experiment_by_name(store.name)
    if experiment is None:
        return []
    found = store.client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL, max_results=50_000)
    ended = [run for run in found if CONTENT in run.data.tags and run.info.status != "RUNNING"]
    return [str(run.info.run_id) for run in ended if run.info.lifecycle_stage == "active" or _has_files(store, run)]


def _has_files(store: Store, run: Any) -> bool:
    folder = own_folder(store, str(run.info.artifact_uri))
    return folder is not None and folder.is_dir()


def _size(store: Store, parts: Parts) -> int:
    return sum(file.stat().st_size for file in run_files(store, parts))
