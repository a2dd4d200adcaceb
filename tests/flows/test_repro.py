"""A finished project: all its files, nothing to do for DVC, the same bytes elsewhere. `dvc repro` walks it in tests/long."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from .conftest import AFTER, command

pytestmark = pytest.mark.slow


def read(root: Path, file: str) -> dict[str, Any]:
    return dict(json.loads((root / file).read_text()))


def test_it_makes_every_file_that_others_rely_on(finished: Path) -> None:
    metrics = read(finished, "reports/metrics.json")
    assert list(metrics["tasks"]) == ["weight", "ill", "team", "mood"]
    assert {"delta_m", "delta_m_low", "delta_m_high", "worse_tasks"} <= metrics.keys()
    assert read(finished, "reports/registration.json")["decision"] in ("promoted", "rejected")
    assert (finished / "reports/report.html").stat().st_size > 10_000


def test_again_there_is_nothing_to_do(copy: Path) -> None:
    assert "up to date" in command(copy, "dvc", "repro").stdout
    assert command(copy, "dvc", "status").stdout.strip() == "Data and pipelines are up to date."


def test_dvc_shows_metrics_and_plots(copy: Path) -> None:
    assert "delta_m" in command(copy, "dvc", "metrics", "show").stdout
    assert "deltas" in command(copy, "dvc", "plots", "show").stdout or (copy / "dvc_plots").is_dir()


def test_another_folder_and_process_make_the_same_bytes(finished: Path, project: Path, stage: Callable[..., str]) -> None:
    """Of every output in dvc.lock: no path, time or order of a machine is in any of them."""
    text = (finished / "dvc.lock").read_text()
    assert str(finished) not in text
    lock = YAML(typ="safe").load(text)["stages"]
    outputs = [out["path"] for one in lock.values() for out in one.get("outs", ())]
    for name in (*(f"{verb} {source}" for source in ("people", "visits") for verb in ("ingest", "validate")), *AFTER):
        stage(*name.split())
    assert len(outputs) > len(AFTER)
    for output in outputs:
        assert bytes_of(project / output) == bytes_of(finished / output), output


def bytes_of(path: Path) -> dict[str, bytes]:
    files = [one for one in sorted(path.rglob("*")) if one.is_file()] if path.is_dir() else [path]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}
