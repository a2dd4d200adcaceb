"""Keeping DVC's state inside the project's folder.

DVC keeps a database of file hashes outside every project unless `core.site_cache_dir` names another place; a relative
path there means the current directory, which breaks `dvc exp run --temp`. So the absolute one goes into
`.dvc/config.local`, which git ignores, and is written again when the folder has moved.
"""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from mtl.files import replacing
from mtl.layout import STATE

LOCAL = Path(".dvc/config.local")
SECTION, KEY = "core", "site_cache_dir"


def keep_dvc_home(root: Path) -> bool:
    """Let `.dvc/config.local` name this folder's own place, all else in it as it was; whether anything changed."""
    if not (root / LOCAL.parent).is_dir():
        return False
    place = str((root / STATE / "dvc").resolve())
    config = ConfigParser(interpolation=None)
    config.read(root / LOCAL, encoding="utf-8")
    if config.get(SECTION, KEY, fallback=None) == place:
        return False
    if not config.has_section(SECTION):
        config.add_section(SECTION)
    config.set(SECTION, KEY, place)
    with replacing(root / LOCAL) as partial, partial.open("w", encoding="utf-8") as stream:
        config.write(stream)
    return True
