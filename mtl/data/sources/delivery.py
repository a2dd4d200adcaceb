"""Whether what DVC watches of a source stayed as it was while the source was read.

DVC takes the hash of a stage's inputs when the stage is done. What arrived meanwhile would count as read, and no later run would
look at it.
"""

from __future__ import annotations

from pathlib import Path

from mtl.data.sources.folder import hidden
from mtl.errors import DataError
from mtl.spec import Source

Delivery = dict[str, tuple[int, int]]
"""File, relative to the source's folder -> its size and its time of change (ns)."""


def delivery_of(source: Source, root: Path) -> Delivery:
    """What lies at the source's `path` now: its file, its folder's files, or the state file of an SQL source."""
    path = root / source.path
    files = [path] if not path.is_dir() else [one for one in path.rglob("*") if not hidden(one.relative_to(path))]
    found: Delivery = {}
    for file in files:
        try:
            if file.is_file():
                said = file.stat()
                found[file.relative_to(path).as_posix()] = (said.st_size, said.st_mtime_ns)
        except OSError:  # gone since it was listed
            continue
    return found


def need_same(name: str, source: Source, root: Path, before: Delivery) -> None:
    """Raises DataError if the source's files are others than they were."""
    now = delivery_of(source, root)
    changed = sorted(file for file in now.keys() | before.keys() if now.get(file) != before.get(file))
    if changed:
        first = source.path if changed[0] == "." else f"{source.path}/{changed[0]}"
        others = "a file that is new, gone or another" if len(changed) == 1 else f"{len(changed)} files that are so"
        raise DataError(
            f"source {name!r}: {first} changed while the source was read", expected="a delivery that is finished", found=others,
            do="run again when it is whole; a scheduled run tries again by itself",
        )  # fmt: skip
