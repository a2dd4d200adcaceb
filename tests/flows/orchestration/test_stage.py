"""One stage as a child process: outcomes, its own words when it fails, its environment, its end."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from mtl.orchestration.stage import allow, failure_message, run_stage, stop_all


def test_ran_then_restored(toy: Path) -> None:
    heard: list[str] = []
    assert run_stage(toy, "ingest@people", on_line=heard.append).what == "ran"
    assert "ingest ends" in heard
    assert not any("git" in line or "dvc push" in line or not line.strip() for line in heard)
    assert (toy / ".mtl/logs/ingest@people.log").read_text().splitlines() == heard
    (toy / "people.csv").write_text("other\n")
    run_stage(toy, "ingest@people")
    (toy / "people.csv").write_text("p\n")
    assert run_stage(toy, "ingest@people").what == "restored"
    assert (toy / "out/people").read_text() == "p\ningest\n"


@pytest.mark.parametrize(("code", "exit_code"), [("2", 2), ("7", 1)])
def test_a_failure_is_its_own_words_and_its_exit_code(toy: Path, code: str, exit_code: int) -> None:
    (toy / "fail_people").write_text(code)
    outcome = run_stage(toy, "ingest@people")
    assert (outcome.what, outcome.exit_code) == ("failed", exit_code)
    assert outcome.message == "the table is not there\n  expected: one\n  found:    none"


def test_a_missing_input_is_said_by_dvc(toy: Path) -> None:
    (toy / "people.csv").unlink()
    outcome = run_stage(toy, "ingest@people")
    assert outcome.what == "failed"
    assert "people.csv" in outcome.message


def test_the_child_finds_this_interpreter_and_may_keep_bytecode(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    say = "import os, sys; print(sys.executable, os.environ.get('PYTHONDONTWRITEBYTECODE'))"
    (toy / "dvc.yaml").write_text(f'stages: {{say: {{cmd: "exec python -c \\"{say}\\"", deps: [seconds]}}}}')
    heard: list[str] = []
    assert run_stage(toy, "say", on_line=heard.append).what == "ran"
    assert f"{Path(sys.executable).parent}/python None" in heard


def test_stop_all_ends_what_runs_and_starts_no_more(toy: Path) -> None:
    run_stage(toy, "ingest@people"), run_stage(toy, "ingest@labs"), run_stage(toy, "split")
    (toy / "seconds").write_text("60")
    begun = threading.Event()
    outcomes: list[str] = []
    thread = threading.Thread(target=lambda: outcomes.append(run_stage(toy, "train", on_line=lambda _: begun.set()).what))
    thread.start()
    assert begun.wait(20)
    started = time.perf_counter()
    try:
        stop_all()
        thread.join(10)
        assert outcomes == ["failed"]
        assert time.perf_counter() - started < 5
        assert run_stage(toy, "trees").message == "stopped before it began"
    finally:
        allow()


def test_stages_side_by_side_wait_for_dvcs_lock(toy: Path) -> None:
    threads = [threading.Thread(target=run_stage, args=(toy, f"ingest@{name}")) for name in ("people", "labs")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run_stage(toy, "split").what == "ran"
    assert (toy / "dvc.lock").read_text().count("cmd:") == 3


TRACEBACK = ["> mtl train", "Traceback (most recent call last):", '  File "a.py", line 1', "    boom()", "ValueError: boom"]


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([*TRACEBACK, "ERROR: failed to reproduce 'train': failed to run: mtl train, exited with 1"], 255, "ValueError: boom"),
        (["> x", "epoch 3", "ERROR: failed to reproduce 'x': failed to run: x, exited with -9"], 255,
         "killed by signal 9 (out of memory?); the last it said: epoch 3"),
        (["ERROR: failed to reproduce 'x': missing data"], 255, "failed to reproduce 'x': missing data"),
        (["> x", "epoch 3"], -15, "killed by signal 15; the last it said: epoch 3"),
        ([], 3, "dvc ended with 3"),
        (["> x", "error: bad key", "  do: this", "ERROR: failed: exited with 2"], 255, "bad key\n  do: this"),
    ],
)  # fmt: skip
def test_failure_messages(lines: list[str], code: int, message: str) -> None:
    assert failure_message(lines, code) == message
