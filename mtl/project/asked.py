"""What `mtl init` was asked for: a project out of tables, or a copy of an example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtl.errors import SpecError
from mtl.project.init import Initialised, init_example, init_project


def init_asked(
    target: Path | None,
    files: Sequence[Path],
    targets: Sequence[str],
    keys: Sequence[str],
    name: str,
    example: str | None,
    data: Path | None,
) -> Initialised:
    """Make the project. Raises SpecError where the options do not go together, DataError as the two ways do."""
    if target is None:
        raise SpecError("mtl init", expected="the new project's folder", found="none", do="write mtl init DIR …")
    if example is not None:
        if files or targets or keys or name:
            raise SpecError(f"mtl init {target}", expected="--example or tables and targets", found="both", do="leave one out")
        return init_example(target, example, data)
    if data or not targets:
        raise SpecError(
            f"mtl init {target}", expected="--from FILE and --targets COLUMNS, or --example NAME",
            found="--data without --example" if data else "no --targets", do="mtl init --help says more",
        )  # fmt: skip
    return init_project(target, files, keys=keys, targets=targets, name=name or None)
