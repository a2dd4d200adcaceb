"""Registries that are not there, names MLflow cannot take, and small pure parts."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtl.errors import RegistryError
from mtl.registry.requirements import pinned
from mtl.registry.smoke import difference
from mtl.registry.store import answering, experiment, open_store, without_password
from mtl.registry.tracking import learning_curves, spec_params, task_metrics
from mtl.registry.version import version_folder


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize("uri", ["http://127.0.0.1:{}", "postgresql://me:secret@127.0.0.1:{}/registry"])
def test_a_server_that_is_away_is_said_at_once(tmp_path, monkeypatch, closed_port, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(closed_port))
    began = time.perf_counter()
    with pytest.raises(RegistryError, match="refused") as caught:
        open_store(tmp_path, "model")
    assert time.perf_counter() - began < 5
    assert "secret" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("mtl.registry.store.PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RegistryError, match="timed out"):
            open_store(tmp_path, "model")


def test_a_registry_that_is_no_database_is_said(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, and long enough to be taken for one" * 10)
    with pytest.raises(RegistryError, match=r"mlflow\.db"):
        open_store(tmp_path, "model")


SERVER = "operations: {{services: {{mlflow: {{port: 5000, store: '{}'}}}}}}\n"


def says(root: Path, store: str) -> None:
    """Let the spec name the database of the MLflow server."""
    params = root / "params.yaml"
    params.write_text(params.read_text() + SERVER.format(store))


@pytest.mark.parametrize("said", [None, ""])
def test_without_an_address_the_folders_own_file_is_its_own(workspace, monkeypatch, said):
    if said is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", said)
    assert open_store(workspace.root, "people_model").is_own


def test_a_database_that_the_spec_names_is_not_the_folders_own(workspace, tmp_path):
    says(workspace.root, f"sqlite:///{tmp_path}/shared.db")
    assert not open_store(workspace.root, "people_model").is_own


def test_the_workspaces_own_server_gives_access_to_its_own_file(workspace, monkeypatch):
    behind_its_server(monkeypatch, workspace.root)
    assert open_store(workspace.root, "people_model").is_own
    monkeypatch.setenv("MTL_OWN_REGISTRY", str(workspace.root.parent))
    assert not open_store(workspace.root, "people_model").is_own


@pytest.mark.parametrize("store", ["sqlite:////elsewhere/mlflow.db", "env:NOT_SET_HERE"])
def test_the_workspaces_own_server_may_stand_before_a_shared_database(workspace, monkeypatch, store):
    behind_its_server(monkeypatch, workspace.root)
    says(workspace.root, store)
    assert not open_store(workspace.root, "people_model").is_own


def behind_its_server(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """As `mtl up` leaves it: an address that is not the file's, and leads to it all the same."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/../{root.name}/mlflow.db")
    monkeypatch.setenv("MTL_OWN_REGISTRY", str(root))


def test_a_run_that_another_checkout_registers_is_not_swept(workspace, template, tmp_path, quick_trial):
    other = tmp_path / "other"
    shutil.copytree(template, other)
    for root in (workspace.root, other):
        says(root, f"sqlite:///{tmp_path}/shared.db")
    store = open_store(other, "people_model")
    going_on = store.client.create_run(experiment(store), tags={"mtl.content": "another content"}).info.run_id
    assert workspace.register().decision == "promoted"
    run = store.client.get_run(going_on).info
    assert (run.status, run.lifecycle_stage) == ("RUNNING", "active")


def test_a_copied_folder_behind_its_own_server_leaves_the_original_alone(with_champion, registered, monkeypatch):
    root = with_champion.root
    behind_its_server(monkeypatch, root)
    before = {f: f.read_bytes() for f in registered.rglob("*") if f.is_file()}
    assert version_folder(open_store(root, "people_model"), 1).is_relative_to(root)
    assert with_champion.register().decision == "promoted"
    assert {f: f.read_bytes() for f in registered.rglob("*") if f.is_file()} == before


def test_passwords_are_not_shown():
    assert without_password("postgresql://me:a/b#c@host/x") == "postgresql://me:***@host/x"
    assert without_password("postgresql://host/x?user=me&password=a&y=1") == "postgresql://host/x?user=me&password=***&y=1"
    assert without_password("http://127.0.0.1:5000/x") == "http://127.0.0.1:5000/x"
    assert without_password("https://me:a@b@host/x") == "https://me:***@host/x"
    assert without_password("sqlite:////a/b.db") == "sqlite:////a/b.db"


@example({".": 1.0, "..": 2.0, "a/../b": 3.0})
@given(st.dictionaries(st.text(min_size=1, max_size=300), st.floats(allow_nan=True) | st.none(), max_size=8))
def test_any_task_name_becomes_a_metric_of_its_own(values):
    from mlflow.utils.validation import _validate_metric_name

    tasks = {name: {"metric": "auc", "value": value} for name, value in values.items()}
    found = task_metrics({"tasks": tasks, "delta_m": None, "worse_tasks": []})
    finite = [v for v in values.values() if v is not None and abs(v) < float("inf")]
    assert sorted(found.values()) == sorted(finite)
    for name in found:
        _validate_metric_name(name)


def test_parameters_fit_and_hold_no_password(workspace):
    spec = workspace.spec
    source = spec.sources["people"].model_copy(update={"url": "postgresql://me:secret@host/x", "query": "SELECT 1 " * 400})
    params = spec_params(spec.model_copy(update={"sources": {"people": source}}))
    assert "secret" not in str(params)
    assert all(len(key) <= 250 and len(value) <= 500 for key, value in params.items())
    assert params["model.sharing"] == "shared_bottom"


def test_long_curves_are_thinned(tmp_path, monkeypatch):
    monkeypatch.setattr("mtl.registry.tracking.MOST_POINTS", 20)
    (tmp_path / "candidate").mkdir()
    frame = pl.DataFrame({"epoch": range(1, 101), "task": "a", "train_loss": 0.5, "valid_loss": float("nan")})
    frame.write_csv(tmp_path / "candidate" / "history.csv")
    assert [step for _, _, step in learning_curves(tmp_path)] == list(range(5, 101, 5))


def test_requirements_are_pinned_to_public_versions():
    assert any(one.startswith("torch==2.") for one in pinned())
    assert all("==" in one and "+" not in one for one in pinned())
    assert {"pillow", "soundfile"} <= {one.partition("==")[0] for one in pinned()}, "pictures and recordings are read by these"


@pytest.mark.parametrize(
    ("found", "wanted", "says"),
    [
        ([1.0, None], [1.0 + 9e-6, None], ""),
        ([1e6], [1e6 + 5], ""),
        ([1.0], [1.0001], "1 of 1 golden rows differ in 'y': row 0 gives 1, was 1.0001"),
        ([1.0], [None], "1 of 1 golden rows differ in 'y': row 0 gives 1, was nan"),
        ([1.0], [1.0, 2.0], "1 rows of y; expected 2 of y"),
        ([], [], "there are no golden rows"),
    ],
)
def test_golden_rows_differ_beyond_rounding(found, wanted, says):
    one, other = (pl.DataFrame({"y": values}, schema={"y": pl.Float64}) for values in (found, wanted))
    assert difference(one, other) == says


def test_a_full_disk_is_not_a_server_to_start() -> None:
    with pytest.raises(RegistryError, match="make room"), answering("sqlite:///mlflow.db"):
        raise sqlite3.OperationalError("database or disk is full")
