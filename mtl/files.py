"""Writing so that nothing half-written ever stands under its own name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path beside `target` that takes its place when the block ends well.

    Works for a file and for a folder (make it inside the block). After an error the old `target` still stands
    and the temporary one is gone.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial, old = (target.with_name(f".{target.name}.{end}") for end in ("partial", "old"))
    _remove(partial)
    if old.exists() and not target.exists():
        old.replace(target)  # a kill came between the two renames below
    try:
        yield partial
        if target.is_dir() and not target.is_symlink():
            _remove(old)
            target.replace(old)
        partial.replace(target)
        _remove(old)
    finally:
        _remove(partial)


def write_json(target: Path, data: Any) -> None:
    """`data` as JSON with sorted keys left as they are; NaN is an error, since JSON has none."""
    with replacing(target) as partial:
        partial.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
