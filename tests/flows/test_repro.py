"""The door `dvc repro`: the whole way, again, from another folder, and back to earlier parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import PARAMS, command, make_project

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


def test_another_folder_has_the_same_lock(finished: Path, tmp_path: Path) -> None:
    other = make_project(tmp_path / "elsewhere")
    command(other, "dvc", "repro")
    assert (other / "dvc.lock").read_text() == (finished / "dvc.lock").read_text()


def test_back_to_earlier_parameters_the_registry_follows(copy: Path) -> None:
    """A → B → A: the third registration is the first version again, looked up, not made again."""
    first = read(copy, "reports/registration.json")
    (copy / "params.yaml").write_text(PARAMS.replace("seed: 1", "seed: 1").replace("width: 16", "width: 8"))
    command(copy, "dvc", "repro")
    second = read(copy, "reports/registration.json")
    (copy / "params.yaml").write_text(PARAMS)
    command(copy, "dvc", "repro")
    third = read(copy, "reports/registration.json")
    assert second["version"] != first["version"]
    assert third["version"] == first["version"]


def test_an_experiment_leaves_the_registry_alone(copy: Path) -> None:
    before = (copy / "mlflow.db").read_bytes()
    command(copy, "dvc", "exp", "run", "--temp", "-S", "evaluation.resamples=150", "-n", "rougher")
    assert (copy / "mlflow.db").read_bytes() == before
    assert read(copy, "reports/registration.json")["decision"] != "not_asked"


def test_prefect_is_not_imported(copy: Path) -> None:
    for name in ("split", "evaluate", "register"):
        code = f"import sys; from mtl.stages.{name} import run; run(); sys.exit(bool({{'prefect', 'dvc'}} & sys.modules.keys()))"
        command(copy, "python", "-c", code)
