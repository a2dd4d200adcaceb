"""What a kill -9 in the wrong millisecond leaves of DVC's own files, put right before the next run.

DVC writes `.dvc/tmp/rwlock` and `dvc.lock` in place. Cut short, either makes every later command fail, so that
nothing but deleting it by hand would help. What looks cut short may be a DVC at its writing: each file is mended only
under the lock that DVC itself takes for it, and left alone while a living DVC has that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtl.files import read_json, write_json
from mtl.layout import DVC_LOCK, STATE

RWLOCK = Path(".dvc/tmp/rwlock")
GUARDS = {RWLOCK: Path(".dvc/tmp/rwlock.lock"), Path(DVC_LOCK): Path(".dvc/tmp/lock")}
"""File -> what DVC locks before it writes the file."""


def heal_dvc(root: Path) -> list[str]:
    """Mend both files; what was done, in words. Harmless beside a DVC that runs."""
    return [text for text in (_heal_rwlock(root), _heal_lock_file(root)) if text]


@contextmanager
def _alone(root: Path, file: Path) -> Iterator[bool]:
    """Hold DVC's own lock of the file; false if a living DVC keeps it for longer than DVC itself would wait."""
    from dvc.lock import Lock, LockError

    lock = Lock(str(root / GUARDS[file]))
    try:
        lock.lock()
    except LockError:
        yield False
        return
    try:
        yield True
    finally:
        lock.unlock()


def _heal_rwlock(root: Path) -> str:
    """Drop the file if it is no JSON, and entries of processes that are gone or have become something else."""
    if not (root / RWLOCK).is_file():
        return ""
    with _alone(root, RWLOCK) as alone:
        return _mend_rwlock(root / RWLOCK) if alone else ""


def _mend_rwlock(path: Path) -> str:
    try:
        locks = read_json(path)
    except (json.JSONDecodeError, UnicodeDecodeError):
        path.unlink(missing_ok=True)
        return "removed DVC's rwlock, which a killed process had cut short"
    kept = {
        "write": {name: info for name, info in locks.get("write", {}).items() if _is_dvc(info)},
        "read": {name: live for name, infos in locks.get("read", {}).items() if (live := [i for i in infos if _is_dvc(i)])},
    }
    if kept == {"write": locks.get("write", {}), "read": locks.get("read", {})}:
        return ""
    write_json(path, kept)
    return "removed entries of killed processes from DVC's rwlock"


def _is_dvc(info: dict[str, Any]) -> bool:
    """Whether the process of an entry still runs; a pid that the kernel gave to another program does not count."""
    import psutil

    try:
        return any("dvc" in part for part in psutil.Process(int(info["pid"])).cmdline())
    except psutil.AccessDenied:
        return True
    except (psutil.Error, KeyError, ValueError):
        return False


def _heal_lock_file(root: Path) -> str:
    """Put a dvc.lock that DVC cannot read aside: it then restores each stage from its run cache."""
    if _whole(root / DVC_LOCK):
        return ""
    with _alone(root, Path(DVC_LOCK)) as alone:
        if not alone or _whole(root / DVC_LOCK):
            return ""
        aside = root / STATE / "dvc.lock.broken"
        aside.parent.mkdir(parents=True, exist_ok=True)
        (root / DVC_LOCK).replace(aside)
    return f"put aside a dvc.lock that a killed process had cut short ({aside.relative_to(root)})"


def _whole(path: Path) -> bool:
    """Whether DVC can read the file, or there is none.

    One that ends inside a line may read well and yet hold half a word (`hash: md`), at which DVC crashes.
    """
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from voluptuous import Invalid

    if not path.is_file():
        return True
    try:
        text = path.read_text(encoding="utf-8")
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(text))
    except (YAMLError, UnicodeDecodeError, Invalid):
        return False
    return text.endswith("\n")
