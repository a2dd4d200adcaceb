"""What of a stage moves between checkouts: files by DVC's remote, its entry in dvc.lock by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mtl.errors import DataError, MtlError
from mtl.layout import DVC_LOCK
from mtl.orchestration.graph import opened
from mtl.orchestration.stage import DVC, run_command

BACKOFF = (2.0, 8.0, 30.0)
"""Seconds before the second, third and last try of a remote that does not answer."""


def push(root: Path, paths: Sequence[str], remote: str | None, on_line: Callable[[str], None]) -> None:
    """Bring these outputs of stages to the remote. Raises DataError if it cannot be reached."""
    _transfer(root, "push", paths, remote, on_line)


def pull(root: Path, paths: Sequence[str], remote: str | None, on_line: Callable[[str], None]) -> None:
    """Bring them from the remote into the folder, as dvc.lock has them; DVC checks their hashes."""
    _transfer(root, "pull", paths, remote, on_line)


def _transfer(root: Path, verb: str, paths: Sequence[str], remote: str | None, on_line: Callable[[str], None]) -> None:
    if not paths:
        return
    command = [*DVC, verb, *(["--force"] if verb == "pull" else []), *(["--remote", remote] if remote else []), *paths]
    for wait in (*BACKOFF, None):
        lines, code = run_command(command, root, f"dvc-{verb}", on_line)
        if not code:
            return
        said = next((line for line in reversed(lines) if line.startswith("ERROR: ")), f"dvc ended with {code}")
        if wait is None or "no remote" in said.lower():
            break
        on_line(f"{said}; again in {wait:g} s")
        time.sleep(wait)
    raise DataError(
        f"dvc {verb} {' '.join(paths)}", expected=f"the DVC remote {remote or '(the default one)'} that answers",
        found=said.removeprefix("ERROR: "), do="see `dvc remote list`; operations.remote in params.yaml names the one to use",
    )  # fmt: skip


def files_of(root: Path, stage: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Paths that a stage reads and another one makes, and those that it makes and DVC keeps."""
    with opened(root) as repo:
        found = next((one for one in repo.index.stages if getattr(one, "name", None) == stage), None)
        if found is None:
            raise MtlError(f"unknown stage {stage!r}", expected="a stage of dvc.yaml")
        made = [Path(out.fs_path) for one in repo.index.stages for out in one.outs]
        paths = [Path(dep.fs_path) for dep in found.deps if hasattr(dep, "fs_path") and dep.hash_info is not None]
        of_others = [path for path in paths if any(path == out or out in path.parents for out in made)]
        outputs = [Path(out.fs_path) for out in found.outs if out.use_cache]
        where = root.resolve()
        return tuple(str(p.relative_to(where)) for p in of_others), tuple(str(p.relative_to(where)) for p in outputs)


def lock_entry(root: Path, stage: str) -> dict[str, Any]:
    """The stage's entry of dvc.lock as plain data."""
    from ruamel.yaml import YAML

    data: Any = YAML(typ="safe").load((root / DVC_LOCK).read_text(encoding="utf-8")) or {}
    try:
        entry: dict[str, Any] = data["stages"][stage]
    except KeyError:
        raise MtlError(f"{DVC_LOCK} has no entry for {stage}", expected="a stage that has run") from None
    return entry


def put_lock_entry(root: Path, stage: str, entry: dict[str, Any]) -> None:
    """Write it, under the lock that DVC takes for it."""
    from dvc.utils.serialize import modify_yaml

    with opened(root), modify_yaml(str(root / DVC_LOCK)) as data:
        data.setdefault("schema", "2.0")
        data.setdefault("stages", {})[stage] = entry
