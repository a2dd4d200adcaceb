"""What a stage reads must have been made: said before the work, by name."""

from __future__ import annotations

from pathlib import Path

from mtl.errors import DataError


def need(stage: str, *paths: Path) -> None:
    """Raise DataError, which says what to run, if one of `paths` is not there."""
    for path in paths:
        if not path.exists():
            raise DataError(
                f"stage {stage!r}: {path} is not there",
                expected="what the stages before it make",
                found="no such file or folder",
                do=f"run `dvc repro {stage}`, or `mtl run`, which run those first",
            )
