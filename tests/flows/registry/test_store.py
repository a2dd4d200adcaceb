"""Registries that are not there, names MLflow cannot take, and small pure parts."""

from __future__ import annotations

import socket
import sqlite3
import time

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtl.errors import RegistryError
from mtl.registry.requirements import pinned
from mtl.registry.smoke import difference
from mtl.registry.store import answering, open_store, without_password
from mtl.registry.tracking import learning_curves, spec_params, task_metrics


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


def test_passwords_are_not_shown():
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
