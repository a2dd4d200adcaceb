"""`dvc repro` and the registry: back to earlier parameters, and an experiment beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.conftest import PARAMS, command
from tests.flows.test_repro import read

pytestmark = pytest.mark.slow


def test_back_to_earlier_parameters_the_registry_follows(copy: Path) -> None:
    """A → B → A: the third registration is the first version again, looked up, not made again."""
    first = read(copy, "reports/registration.json")
    (copy / "params.yaml").write_text(PARAMS.replace("width: 16", "width: 8"))
    command(copy, "dvc", "repro", "register")
    second = read(copy, "reports/registration.json")
    (copy / "params.yaml").write_text(PARAMS)
    command(copy, "dvc", "repro", "register")
    third = read(copy, "reports/registration.json")
    assert second["version"] != first["version"]
    assert third["version"] == first["version"]


def test_an_experiment_leaves_the_registry_alone(copy: Path) -> None:
    before = (copy / "mlflow.db").read_bytes()
    command(copy, "dvc", "exp", "run", "--temp", "-S", "gate.tolerance=0.2", "-n", "bolder")
    assert (copy / "mlflow.db").read_bytes() == before
    assert read(copy, "reports/registration.json")["decision"] != "not_asked"
