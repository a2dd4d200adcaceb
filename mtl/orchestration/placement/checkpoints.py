"""Checkpoints of a placed stage in a store that every worker reaches, so that another one goes on where one has died."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from mtl.layout import CHECKPOINTS

EVERY = 5.0
"""Seconds between two looks for a newer checkpoint."""


class Mirror:
    """One stage's checkpoints here and in the store; a context that keeps the store up to date.

    store: a folder, or a URL that fsspec knows (`s3://…`, `ssh://…`); None: nothing is done. A checkpoint is loaded under its own
    key only (a hash of data, spec, code and kind of machine), so one that does not fit does no harm. At the end the store is
    emptied if `succeeded` was set, else it has the last checkpoint.
    """

    def __init__(self, root: Path, stage: str, store: str | None, say: Callable[[str], None] = lambda _: None) -> None:
        self.say = say
        self.here, self.succeeded = root / CHECKPOINTS, False
        self.there = f"{store.rstrip('/')}/{stage}" if store else ""
        self.sent: dict[Path, int] = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.keep, daemon=True)

    def __enter__(self) -> Self:
        if self.there:
            from fsspec.core import url_to_fs

            self.fs: Any
            self.fs, self.there = url_to_fs(self.there)
            self._quietly(self.bring)
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self.there:
            return
        self.done.set()
        self.thread.join()
        self._quietly(self.empty if self.succeeded else self.send)

    def bring(self) -> None:
        if not self.fs.exists(self.there):
            return
        for path in self.fs.find(self.there):
            relative = path.removeprefix(self.there).strip("/")
            target = self.here / relative
            if relative.endswith(".partial") or target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.partial")
            self.fs.get_file(path, str(partial))
            partial.replace(target)

    def keep(self) -> None:
        while not self.done.wait(EVERY):
            self._quietly(self.send)

    def _quietly(self, act: Callable[[], None]) -> None:
        """A store that does not answer costs nothing but the checkpoint: fsspec's kinds have errors of their own."""
        try:
            act()
        except Exception as error:
            self.say(f"the store of checkpoints, {self.there}: {type(error).__name__}: {error}")

    def send(self) -> None:
        """Whatever is newer here."""
        for path in [one for one in self.here.rglob("*") if one.is_file() and not one.name.startswith(".")]:
            try:
                changed = path.stat().st_mtime_ns
                if self.sent.get(path) != changed:
                    self._put(path)
                    self.sent[path] = changed
            except OSError:
                continue  # replaced by a newer one while it was read, or no answer: the next look tries again

    def empty(self) -> None:
        if self.fs.exists(self.there):
            self.fs.rm(self.there, recursive=True)

    def _put(self, path: Path) -> None:
        target = f"{self.there}/{path.relative_to(self.here).as_posix()}"
        self.fs.makedirs(target.rpartition("/")[0], exist_ok=True)
        self.fs.put_file(str(path), target + ".partial")
        self.fs.mv(target + ".partial", target)
