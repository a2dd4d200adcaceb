"""The environment of a workspace without a server, and the server that is started there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtl.errors import MtlError
from mtl.orchestration.local import child_environment, local_server, prepare_environment
from mtl.orchestration.server import TemporaryServer

from .conftest import run_at_terminal


def test_prefects_home_is_in_the_project_and_nobody_is_told(tmp_path: Path) -> None:
    environ = {"PYTHONDONTWRITEBYTECODE": "1"}
    prepare_environment(tmp_path, environ)
    assert Path(environ["PREFECT_HOME"]) == tmp_path / ".mtl/prefect"
    assert environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert Path(environ["DVC_SITE_CACHE_DIR"]).is_relative_to(tmp_path)
    assert "PYTHONDONTWRITEBYTECODE" not in environ


def test_a_server_of_the_users_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"PREFECT_API_URL": "http://somewhere/api"}
    prepare_environment(tmp_path, environ)
    assert "PREFECT_HOME" not in environ
    assert not (tmp_path / ".mtl").exists()
    monkeypatch.setenv("PREFECT_API_URL", "http://somewhere/api")
    local_server(tmp_path)()
    assert os.environ["PREFECT_API_URL"] == "http://somewhere/api"


def test_what_the_user_has_set_stays(tmp_path: Path) -> None:
    environ = {"PREFECT_HOME": str(tmp_path / "mine"), "PREFECT_SERVER_LOGGING_LEVEL": "DEBUG"}
    prepare_environment(tmp_path, environ)
    assert environ["PREFECT_HOME"] == str(tmp_path / "mine")
    assert environ["PREFECT_SERVER_LOGGING_LEVEL"] == "DEBUG"


def test_a_stage_finds_this_interpreter_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin")
    assert child_environment()["PATH"] == f"{Path(sys.executable).parent}:/bin"


def test_a_server_that_ends_is_said_at_once_with_its_last_words(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (tmp_path / "server.log").write_text("starting\ndatabase is locked\n")
    began = time.monotonic()
    with pytest.raises(MtlError, match="database is locked"):
        TemporaryServer("http://127.0.0.1:9/api", tmp_path, process).wait()
    assert time.monotonic() - began < 2


def test_a_folder_without_a_project_is_said_before_prefect_starts(tmp_path: Path) -> None:
    done = run_at_terminal(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no dvc.yaml" in done.stderr


def test_a_wrong_spec_is_said_before_prefect_starts(toy: Path) -> None:
    (toy / "params.yaml").write_text("name: x\n")
    done = run_at_terminal(toy)
    assert (done.returncode, done.stdout) == (2, "")
    assert "params.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_server_dies_with_a_run_that_is_killed(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("PR_SET_PDEATHSIG is Linux's")
    code = (
        "import sys, time; from pathlib import Path; from mtl.orchestration.local import prepare_environment\n"
        "from mtl.orchestration.server import start_server\n"
        "prepare_environment(Path(sys.argv[1])); import os; s = start_server(Path(os.environ['PREFECT_HOME']))\n"
        "print(s.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        time.sleep(1.0)
        run.send_signal(signal.SIGKILL)
        run.wait()
    until = time.monotonic() + 5
    while time.monotonic() < until and Path(f"/proc/{server}/stat").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{server}/stat").exists()
