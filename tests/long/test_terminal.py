"""`mtl run` as a person at the terminal meets it: killed, beside another, failed, ended by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.flows.orchestration.conftest import run_at_terminal, run_command, run_environment

pytestmark = pytest.mark.slow


def processes_in(root: Path) -> list[str]:
    """Command lines of what runs with its working directory in `root`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            at_home = (folder / "cwd").readlink().is_relative_to(root)
            zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if at_home and not zombie:
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def wait_until_training(root: Path, within: float = 60) -> None:
    until = time.monotonic() + within
    while not any("stage.py train" in line for line in processes_in(root)):
        assert time.monotonic() < until, "training never began"
        time.sleep(0.1)


def test_killed_then_run_then_nothing_to_do_then_a_failure(toy: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(toy.parent / "home"))
    (toy / "seconds").write_text("60")
    with subprocess.Popen(run_command(), cwd=toy, env=run_environment(), stdout=subprocess.DEVNULL, process_group=0) as run:
        wait_until_training(toy)
        beside = run_at_terminal(toy, server)
        assert beside.returncode == 1
        assert f"process {run.pid} since " in beside.stderr
        run.kill()
        run.wait()
    assert_nothing_runs(toy, within=5)

    (toy / "seconds").write_text("0")
    after = run_at_terminal(toy, server)
    assert after.returncode == 0, after.stdout + after.stderr
    assert after.stdout.splitlines()[0] == "starting Prefect …"
    assert says(after.stdout, "ran", "train")

    began = time.perf_counter()
    again = run_at_terminal(toy)
    assert again.returncode == 0
    assert "nothing to do: all 5 stages are up to date" in again.stdout
    assert time.perf_counter() - began < 15

    (toy / "fail_split").write_text("2")
    (toy / "labs.csv").write_text("other\n")
    wrong = run_at_terminal(toy, server)
    assert wrong.returncode == 2
    assert "stage split failed: the table is not there\n  expected: one\n  found:    none\n" in wrong.stdout
    assert says(wrong.stdout, "not run", "train")
    assert "go on with: mtl run" in wrong.stdout
    assert "Traceback" not in wrong.stdout + wrong.stderr

    assert_nothing_runs(toy)
    assert not (toy.parent / "home/.prefect").exists(), "Prefect's home is inside the project"
    assert (toy / ".mtl/prefect").is_dir()


def test_ctrl_c_leaves_nothing_running(toy: Path) -> None:
    (toy / "seconds").write_text("60")
    with subprocess.Popen(run_command(), cwd=toy, env=run_environment(), stdout=subprocess.PIPE, text=True, process_group=0) as run:
        wait_until_training(toy)
        os.killpg(run.pid, signal.SIGINT)
        output, _ = run.communicate(timeout=20)
    assert run.returncode == 130
    assert "stopped; nothing is left running" in output
    assert_nothing_runs(toy)


def says(output: str, what: str, stage: str) -> bool:
    return any(line.strip().startswith(what) and stage in line for line in output.splitlines())


def assert_nothing_runs(root: Path, within: float = 5) -> None:
    """What is left, the guardian included, ends within seconds."""
    until = time.monotonic() + within
    while processes_in(root) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes_in(root) == []
