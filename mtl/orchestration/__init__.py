"""The graph of stages for Prefect: staleness, running, locks. The only room that imports Prefect and DVC, late."""

from __future__ import annotations

from pathlib import Path


def run_pipeline(root: Path, *, force: bool = False) -> int:
    """`mtl run`: bring the workspace at `root` up to date before a person's eyes; the exit code (0, 1 data, 2 spec)."""
    from mtl.orchestration.run import run

    return run(root, force=force)
