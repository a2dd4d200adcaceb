"""What a source leaves behind when it is taken out of params.yaml.

DVC no longer owns it, so it would stay for ever; and the stage `split` depends on the whole of data/validated, so that
two folders with the same spec would differ by what one of them once had.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from mtl.layout import INGESTED, KEPT, PROFILES, QUARANTINE, VALIDATED, VALIDATION

PLACES = (INGESTED, KEPT, VALIDATED, QUARANTINE, PROFILES, VALIDATION)
"""Folders that hold one folder or one JSON file a source, and nothing else."""


def clear_leftovers(root: Path, sources: Collection[str]) -> list[Path]:
    """Remove what stages made of sources that are no more; the paths, relative to `root`. DVC's cache keeps them."""
    gone = []
    for place in PLACES:
        for made in sorted((root / place).glob("*")):
            if made.name.startswith(".") or made.name.removesuffix(".json") in sources:
                continue
            if made.is_dir() and not made.is_symlink():
                shutil.rmtree(made)
            else:
                made.unlink()
            gone.append(made.relative_to(root))
    return gone
