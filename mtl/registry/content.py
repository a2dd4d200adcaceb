"""Which model this is: a hash of its folder and of what was measured of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mtl.errors import RegistryError


def content_key(folder: Path, metrics: Path) -> str:
    """SHA-256 (hex) over the names and bytes of all files in `folder`, and the bytes of `metrics`.

    The same candidate with the same metrics has the same key on every machine.
    """
    return _key(folder, [metrics])


def model_key(folder: Path) -> str:
    """The same of the model alone, whatever was measured of it."""
    return _key(folder, [])


def _key(folder: Path, more: list[Path]) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    for path, there in ((folder, bool(files)), *((file, file.is_file()) for file in more)):
        if not there:
            raise RegistryError(f"{path}: not there", expected="a trained and evaluated candidate", do="run `dvc repro register`")
    digest = hashlib.sha256()
    for name, file in [(f.relative_to(folder).as_posix(), f) for f in files] + [("\x00metrics", file) for file in more]:
        digest.update(name.encode() + b"\x00")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
