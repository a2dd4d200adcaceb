"""What must be done again although DVC sees nothing stale: files that it does not keep."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mtl.files import read_json
from mtl.layout import DVC_LOCK, REGISTRATION, REPORT


def must_run_again(root: Path, stage: str) -> bool:
    """True of `register` if its last answer was `not_asked`, of `report` if its page is missing or outdated.

    In a DVC experiment `not_asked` is the right answer, and stays.
    """
    if stage == "register":
        return not in_experiment() and _decision(root / REGISTRATION) == "not_asked"
    return stage == "report" and _is_outdated(root / REPORT, _dependencies(root, stage))


def in_experiment() -> bool:
    """Whether DVC runs this as an experiment (`dvc exp run`, `dvc queue start`)."""
    return "DVC_EXP_BASELINE_REV" in os.environ or "DVC_EXP_NAME" in os.environ


def _decision(path: Path) -> str | None:
    try:
        return str(read_json(path).get("decision"))
    except (OSError, ValueError, AttributeError):
        return None


def _is_outdated(page: Path, inputs: list[Path]) -> bool:
    return not page.is_file() or any(_changed_at(path) > page.stat().st_mtime for path in inputs if path.exists())


def _changed_at(path: Path) -> float:
    """Time of the last change of a file, or of the newest file in a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)


def _dependencies(root: Path, stage: str) -> list[Path]:
    """What a stage read, by dvc.lock."""
    from ruamel.yaml import YAML

    path = root / DVC_LOCK
    content: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    entry = (content or {}).get("stages", {}).get(stage, {})
    return [root / dependency["path"] for dependency in entry.get("deps", ())]
