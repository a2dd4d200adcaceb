"""`mtl gc`: frees versions that nobody needs, then what only they named in DVC's cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl.errors import DataError, MtlError
from mtl.layout import DVC_LOCK
from mtl.orchestration.graph import opened
from mtl.orchestration.local import prepare_environment
from mtl.orchestration.lock import workspace_lock
from mtl.registry.around import held
from mtl.registry.collect import Collection, collectable, free, must_have_versions, stored_locks
from mtl.spec import SPEC, read_spec

if TYPE_CHECKING:
    from dvc.repo import Repo

MEGABYTE = 1e6


@dataclass(frozen=True)
class Unused:
    """Objects of DVC's cache, by their hash, that nothing kept names, and their bytes."""

    objects: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Collected:
    """What was freed, or would be."""

    registry: Collection
    cache: Unused
    dry: bool

    def lines(self) -> list[str]:
        """What is said of it."""
        kept = ", ".join(f"{number} ({why})" for number, why in self.registry.kept.items()) or "none, since none is registered"
        would, free = ("would free", self.registry) if self.dry else ("freed", self.registry)
        numbers = ", ".join(map(str, sorted(free.versions))) or "none"
        return [
            f"versions kept: {kept}",
            f"{would} versions: {numbers}{f' and {len(free.lost)} runs without one' if free.lost else ''}, {_megabytes(free.size)}",
            f"{would} of DVC's cache: {len(self.cache.objects):,} objects, {_megabytes(self.cache.size)}",
        ]


def collect(root: Path, newest: int, *, dry: bool = False) -> Collected:
    """Free what neither the workspace nor a kept version names; with `dry` only say what that is.

    Kept are the `newest` versions and those that `mtl.registry.collect` adds. Raises WorkspaceBusyError while a run works here,
    DataError where the cache is shared with other projects or the workspace has no whole dvc.lock, RegistryError where there is a
    cache but no version in the registry.
    """
    prepare_environment(root)
    spec = read_spec(root / SPEC)
    with workspace_lock(root), held(root):
        found = collectable(root, spec, newest)
        if (root / ".dvc").is_dir():
            must_have_versions(root, spec, found)
        locks = stored_locks(root, spec, found.kept)
        cache = _cache(root, locks.values(), dry=True)
        if not dry:
            before, found = found.kept, free(root, spec, found, newest)
            locks |= stored_locks(root, spec, {number: why for number, why in found.kept.items() if number not in before})
            cache = _cache(root, locks.values(), dry=False)
    return Collected(found, cache, dry)


def _cache(root: Path, locks: Iterable[Path], *, dry: bool) -> Unused:
    """What is not used of DVC's cache; removed unless `dry`."""
    if not (root / ".dvc").is_dir():
        return Unused((), 0)
    with opened(root) as repo:
        odb = repo.cache.local
        _must_be_own(root, Path(odb.path))
        _must_have_locks(repo)
        named = _expanded(odb, _named_here(root, repo) | {one for lock in locks for one in _named_in(lock)})
        unused = sorted(oid for oid in odb.all() if oid not in named)
        paths = {oid: Path(odb.oid_to_path(oid)) for oid in unused}
        size = sum(path.stat().st_size for path in paths.values())
        if not dry:
            for oid in sorted(unused, key=lambda oid: not oid.endswith(".dir")):  # a folder's list before what it names
                odb.fs.remove(str(paths[oid]))
    return Unused(tuple(unused), size)


def _must_be_own(root: Path, cache: Path) -> None:
    if not cache.resolve().is_relative_to(root.resolve()):
        raise DataError(
            f"DVC's cache at {cache}", expected="one inside the project: what lies there may be another project's",
            found="a shared one", do="run `dvc gc --projects …`, which asks all of them",
        )  # fmt: skip


def _must_have_locks(repo: Repo) -> None:
    """Each dvc.yaml with stages has a whole dvc.lock beside it, without which all that they made would count as not needed."""
    for file in sorted({Path(stage.path) for stage in _index(repo).stages if getattr(stage, "name", None)}):
        lock = file.with_suffix(".lock")
        if lock.is_file() and lock.read_text(encoding="utf-8").endswith("\n") and _named_in(lock):
            continue
        raise DataError(
            f"{lock.relative_to(repo.root_dir)}, which says what the workspace needs of DVC's cache", expected="a whole one",
            found="one that is cut short or names nothing; nothing was freed" if lock.is_file() else "none; nothing was freed",
            do=f"bring it back (`git checkout {DVC_LOCK}`, `mtl checkout VERSION`), or run `mtl run`, which makes it anew",
        )  # fmt: skip


def _index(repo: Repo) -> Any:
    """What the files of DVC's in the workspace say."""
    from dvc.exceptions import DvcException

    try:
        return repo.index
    except DvcException as error:
        raise MtlError("DVC cannot read the pipeline", found=str(error), do="see `dvc status`") from error


def _named_here(root: Path, repo: Repo) -> set[str]:
    """Hashes of every output that a file of DVC's in the workspace names, and of all in its dvc.lock."""
    outs = {str(out.hash_info.value) for out in _index(repo).outs if out.hash_info}
    return outs | (_named_in(root / DVC_LOCK) if (root / DVC_LOCK).is_file() else set())


def _named_in(lock: Path) -> set[str]:
    """Hashes of all that a dvc.lock names; also what stages read, since a raw table may be tracked by DVC."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        content: Any = YAML(typ="safe").load(lock.read_text(encoding="utf-8")) or {}
    except YAMLError as error:
        raise DataError(f"{lock}: not YAML", found=str(error).split("\n")[0], do="restore it") from None
    stages: Mapping[str, Any] = content.get("stages") or {}
    ends = [end for stage in stages.values() for kind in ("deps", "outs") for end in (stage or {}).get(kind) or ()]
    return {str(end["md5"]) for end in ends if isinstance(end, dict) and end.get("md5")}


def _expanded(odb: Any, named: set[str]) -> set[str]:
    """The same with the files of every folder among them, as far as the cache knows its list."""
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    found = set(named)
    for oid in named:
        if oid.endswith(".dir") and odb.exists(oid):
            found |= {str(entry.value) for _, _, entry in Tree.load(odb, HashInfo(odb.hash_name, oid)) if entry is not None}
    return found


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"
