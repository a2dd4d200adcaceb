"""What a user asks of the registry from the command line: history, champion, checkout, pinned profile, report."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mtl.errors import RegistryError
from mtl.files import read_json, replacing, write_json
from mtl.layout import CANDIDATE, DVC_LOCK, METRICS, PROFILE, REPORT
from mtl.registry.around import git, in_experiment
from mtl.registry.content import content_key
from mtl.registry.history import read_history
from mtl.registry.package import Package
from mtl.registry.store import CHAMPION, Store, answering, has_store, open_store
from mtl.registry.version import CONTENT, PROFILES_FOLDER, find_version, version_folder, version_package
from mtl.spec import SPEC, Spec, read_spec

RESTORED = (Path(SPEC), DVC_LOCK)


def history(root: Path, spec: Spec) -> list[dict[str, Any]]:
    """Promotions, rejections and rollbacks, the oldest first: event, version, before, reasons, at (UTC)."""
    store = opened(root, spec)
    if store is None:
        return []
    with answering(store.uri):
        return [asdict(entry) for entry in read_history(store)]


def champion(root: Path, spec: Spec) -> dict[str, Any] | None:
    """version, content and tags of the champion; None if there is none."""
    store = opened(root, spec)
    if store is None:
        return None
    with answering(store.uri):
        version = store.alias(CHAMPION)
        if version is None:
            return None
        tags = dict(store.client.get_model_version(store.name, str(version)).tags)
    return {"version": version, "content": tags.get(CONTENT), "tags": tags}


def checkout(root: Path, spec: Spec, version: int | str, *, force: bool = False) -> list[Path]:
    """Bring back params.yaml and dvc.lock of a version (a number, or an alias); the paths that were written.

    Raises RegistryError if there is no such version, or if a file has changes that are not committed; `force`
    overwrites them. Whoever calls it holds the workspace: a run that works there has begun with these files.
    """
    store, number = must_have(root, spec, version)
    folder = _folder(store, number)
    stored = [file for file in RESTORED if (folder / file).is_file()]
    if not stored:
        raise RegistryError(f"version {number} of {store.name!r}", expected=f"{SPEC} and {DVC_LOCK} in it", found="neither")
    differing = [file for file in stored if not _same(root / file, folder / file)]
    unsafe = [str(file) for file in differing if not force and _would_be_lost(root, file)]
    if unsafe:
        raise RegistryError(
            f"{' and '.join(unsafe)}: changes that are not committed", expected="nothing that a checkout would overwrite",
            do=f"commit or stash them, or run `mtl checkout {version} --force`",
        )  # fmt: skip
    for file in differing:
        with replacing(root / file) as partial:
            shutil.copyfile(folder / file, partial)
    return [root / file for file in stored]


def champion_package(root: Path, spec: Spec) -> tuple[int, Package]:
    """The champion's version and its model. Raises RegistryError if there is none."""
    store = opened(root, spec)
    if store is not None:
        with answering(store.uri):
            number = store.alias(CHAMPION)
            if number is not None:
                return number, version_package(store, number)
    raise RegistryError(
        f"the champion of {spec.name!r}", expected="a version that was promoted", found="none",
        do="run `mtl run`, which trains, judges and registers one",
    )  # fmt: skip


def pin_profile(root: Path, spec: Spec) -> dict[str, Any]:
    """Write profile.json, source -> the profile of the champion's data, and give it."""
    store, number = must_have(root, spec, CHAMPION)
    files = sorted((_folder(store, number) / PROFILES_FOLDER).glob("*.json"))
    if not files:
        raise RegistryError(
            f"version {number} of {store.name!r}", expected="profiles of its data", found="none", do="run `mtl run`"
        )
    profile = {file.stem: read_json(file) for file in files}
    write_json(root / PROFILE, profile)
    return profile


def attach_report(root: Path, spec: Spec) -> bool:
    """Put reports/report.html into the MLflow run of the version it tells of; whether there was one.

    The report is written after the registration, so this is the report stage's last step.
    """
    if in_experiment() or not has_store(root) or not (root / REPORT).is_file():
        return False
    store = open_store(root, spec.name)
    with answering(store.uri):
        version = find_version(store, content_key(root / CANDIDATE, root / METRICS))
        if version is None:
            return False
        run = store.client.get_model_version(store.name, str(version)).run_id
        if not run:  # registered from a path, by hand
            return False
        store.client.log_artifact(str(run), str(root / REPORT))
    return True


def print_history(root: Path) -> None:
    """The history of the project in `root`, a line a decision."""
    spec = read_spec(root / SPEC)
    entries = history(root, spec)
    wide = max((len(one["event"]) for one in entries), default=0)
    for one in entries:
        met = f"champion was {one['before']}" if one["before"] is not None else "no champion before"
        met = f"champion again, in place of {one['before']}" if one["event"] == "rolled back" else met
        print(f"{one['at']}  version {one['version']:>3}  {one['event']:<{wide}}  {met}; {'; '.join(one['reasons'])}")
    if not entries:
        print(f"{spec.name}: nothing was registered yet")


def pin_champion_profile(root: Path) -> str:
    """`pin_profile` of the project in `root`; one line about it."""
    profile = pin_profile(root, read_spec(root / SPEC))
    return f"{PROFILE}: {', '.join(profile)}"


def opened(root: Path, spec: Spec) -> Store | None:
    """The registry if there is one and it knows the model; reading makes none."""
    if not has_store(root):
        return None
    store = open_store(root, spec.name)
    with answering(store.uri):
        return store if store.client.search_registered_models(f"name = '{spec.name}'") else None


def must_have(root: Path, spec: Spec, version: int | str) -> tuple[Store, int]:
    """The registry, and the number of a version that is in it."""
    store = opened(root, spec)
    said = str(version)
    known, number = ([], None) if store is None else _looked_up(store, said[1:] if re.fullmatch(r"v\d+", said) else said)
    if store is None or number not in known:
        raise RegistryError(
            f"version {version} of {spec.name!r}", expected=f"one of {', '.join(map(str, known)) or '(none is registered)'}",
            found="no such version", do="look at `mtl history`",
        )  # fmt: skip
    return store, number


def _looked_up(store: Store, text: str) -> tuple[list[int], int | None]:
    """All versions, and the one that is meant by a number or an alias."""
    with answering(store.uri):
        meant = int(text) if text.isdecimal() else store.alias(text)  # first: a version may be made and promoted meanwhile
        known = sorted(int(one.version) for one in store.client.search_model_versions(f"name = '{store.name}'"))
        return known, meant


def _folder(store: Store, version: int) -> Path:
    with answering(store.uri):
        return version_folder(store, version)


def _same(here: Path, there: Path) -> bool:
    return here.is_file() and here.read_bytes() == there.read_bytes()


def _would_be_lost(root: Path, file: Path) -> bool:
    """Whether overwriting loses what nobody else has: it differs from git's HEAD, git does not know it, or cannot tell."""
    if not (root / file).is_file():
        return False
    known = git(root, "ls-files", "--", str(file))
    return not known or git(root, "status", "--porcelain", "--", str(file)) != ""
