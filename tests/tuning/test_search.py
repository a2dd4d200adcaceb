"""The search with workers that learn nothing: what is asked, heard, pruned, tried again, told; on disk after a kill too."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from mtl.errors import DataError, MtlError, TrainingError
from mtl.tuning import pool
from mtl.tuning.data import Plan
from mtl.tuning.keys import space_of
from mtl.tuning.pool import Pool
from mtl.tuning.search import Search
from mtl.tuning.study import close_study, forget, only_one, open_study, study_key
from mtl.tuning.telling import Teller

FAKE = Path(__file__).with_name("fake_worker.py")
WIDTHS = "{space: {model.width: {low: 20, high: 90}, training.lr: {low: 1.0e-3, high: 1.0e-1, log: true}}}"
FILE = Path("study.db")


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, str(FAKE)])


@pytest.fixture
def search(base) -> Iterator[Any]:
    """`search(tune, trials)` runs a search in the working directory; its study is in study.db."""
    opened = []

    def made(tune: str = WIDTHS, trials: int = 12, processes: int = 1, folds: int | None = None, **more: Any) -> Search:
        of = base(tune)
        study = open_study(FILE, warmup=1)
        opened.append(study)
        one = Search(study, of, space_of(of), Plan(folds, 0, False, ""), trials, Teller())
        one.tidy()
        with Pool(processes) as workers:
            one.run(workers, **more)
        return one

    yield made
    for study in opened:
        close_study(study)


def values_of(one: Search) -> list[tuple[Any, ...]]:
    return [(t.state.name, t.value, *t.user_attrs["values"].values()) for t in one.over]


def test_the_spec_as_it_stands_is_trial_0_and_is_never_pruned(search, capsys: pytest.CaptureFixture[str]) -> None:
    done = search()
    assert done.present is not None
    assert done.present.number == 0
    assert done.present.value == pytest.approx(0.74)
    assert len(done.over) == 12
    assert done.best is not None
    assert done.best.value < 0.6, "width 40 is the best"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("trial 0: 0.7400 (0.1 s): the spec as it stands; best 0.7400 (trial 0)")
    assert all(
        re.match(rf"trial {n}: .*model\.width \d+, training\.lr [\d.]+; best 0\.\d{{4}} \(trial \d+\)$", lines[n])
        for n in range(1, 12)
    )


def test_bad_trials_are_pruned_by_epoch(search, capsys: pytest.CaptureFixture[str]) -> None:
    pruned = [one for one in search(trials=16).over if one.state == TrialState.PRUNED]
    assert pruned
    assert all(1 < one.last_step < 10 for one in pruned)
    assert re.search(r"trial \d+: pruned at epoch \d+ with 0\.\d{4} \(", capsys.readouterr().out)


def test_with_folds_too(search) -> None:
    assert any((one.last_step or 0) > 10 for one in search(trials=16, folds=3).over), "some go on to the next fold"


def test_a_search_that_went_on_draws_what_it_would_have_drawn(search) -> None:
    whole = values_of(search(trials=14))
    forget(FILE)
    for trials in (1, 5, 6, 14):
        parts = values_of(search(trials=trials))
    assert parts == whole
    assert values_of(search(trials=14)) == whole, "and it has nothing more to do"


def test_several_processes_make_as_many_trials(search) -> None:
    done = search(trials=10, processes=2)
    assert len(done.over) == 10
    assert not done.running
    assert {one.state for one in done.study.get_trials()} <= {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_worker_that_is_killed_costs_one_attempt(search, capsys: pytest.CaptureFixture[str]) -> None:
    done = search("{space: {model.width: [14, 40]}}", trials=6)
    assert "its process ended (killed by signal 9 (out of memory?)): tried once more" in capsys.readouterr().out
    assert len(done.over) == 6
    assert {one.user_attrs["values"]["model.width"] for one in done.over if not one.user_attrs.get("baseline")} == {14, 40}
    assert [one.state for one in done.study.get_trials()].count(TrialState.FAIL) == 1


def test_a_trial_that_always_kills_its_worker_is_given_up(search, capsys: pytest.CaptureFixture[str]) -> None:
    done = search("{space: {model.width: [13, 40]}}", trials=6)
    assert "its process ended 2 times (killed by signal 9" in capsys.readouterr().out
    assert len(done.over) == 6
    assert done.best is not None
    assert done.best.user_attrs["values"] == {"model.width": 40}


def test_a_trial_that_cannot_be_trained_is_told_and_counts(search, capsys: pytest.CaptureFixture[str]) -> None:
    done = search("{space: {model.width: [15, 40]}}", trials=6)
    assert re.search(r"trial \d+: failed \([\d.]+ s\), the loss of ill: model.width 15; best", capsys.readouterr().out)
    assert len(done.over) == 6


def test_a_spec_that_cannot_be_trained_stops_the_search(search, base) -> None:
    params = base().text.partition("tune:")[0].replace("width: 16", "width: 15")
    of = base(WIDTHS, params)
    study = open_study(FILE, warmup=1)
    one = Search(study, of, space_of(of), Plan(None, 0, False, ""), 4, Teller())
    one.tidy()
    with pytest.raises(TrainingError, match="the spec as it stands cannot be trained"), Pool(1) as workers:
        one.run(workers)
    close_study(study)


def test_the_same_values_are_not_measured_twice(search, capsys: pytest.CaptureFixture[str]) -> None:
    done = search("{space: {model.width: [30, 40]}}", trials=8)
    assert len(done.over) == 8
    assert "the same as trial" in capsys.readouterr().out
    assert sum("same_as" not in one.user_attrs for one in done.over) == 3


def test_values_that_do_not_go_together_are_not_tried(search, capsys: pytest.CaptureFixture[str]) -> None:
    """ple needs a layer for each of its levels."""
    done = search(
        "{space: {model.sharing: [shared_bottom, ple], model.depth: {low: 1, high: 2}, model.width: {low: 20, high: 60}}}",
        trials=12,
    )
    assert len(done.over) == 12
    assert "not tried, since the spec refuses it (expected a depth of at least 2" in capsys.readouterr().out


def test_no_trial_begins_after_the_time_is_up(search) -> None:
    done = search(trials=50, seconds=0)
    assert [one.user_attrs.get("baseline") for one in done.over] == [True], "but the spec as it stands is always measured"


def test_a_spec_that_was_edited_is_measured_anew(search, base, monkeypatch: pytest.MonkeyPatch) -> None:
    search(trials=3)
    of = base(WIDTHS, base().text.partition("tune:")[0].replace("width: 16", "width: 33"))
    study = open_study(FILE, warmup=1)
    again = Search(study, of, space_of(of), Plan(None, 0, False, ""), 3, Teller())
    assert again.present is None
    again.tidy()
    with Pool(1) as workers:
        again.run(workers)
    assert again.present is not None
    assert again.present.value == pytest.approx(0.57)
    close_study(study)


CHILD = """
import sys
from pathlib import Path
from mtl.tuning import pool
pool.COMMAND = [sys.executable, sys.argv[1]]
from mtl.tuning.base import Base
from mtl.tuning.data import Plan
from mtl.tuning.interrupt import Interrupt
from mtl.tuning.keys import space_of
from mtl.tuning.search import Search
from mtl.tuning.study import open_study
from mtl.tuning.telling import Teller
base = Base.read()
search = Search(open_study(Path("study.db"), 1), base, space_of(base), Plan(None, 0, False, ""), 8, Teller())
search.tidy()
try:
    with pool.Pool(int(sys.argv[2])) as workers, Interrupt() as interrupt:
        search.run(workers, interrupt=interrupt)
except KeyboardInterrupt:
    print("stopped")
"""


def child(*arguments: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "MTL_FAKE_SECONDS": "0.3", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, str(FAKE), *arguments]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True)


def until_trial(process: subprocess.Popen[str], number: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"trial {number}:"):
            break
    until = time.monotonic() + 10
    while not any_at_work() and time.monotonic() < until:  # into the next one, however slow the machine is
        time.sleep(0.01)


def any_at_work() -> bool:
    with closing(sqlite3.connect(FILE)) as study:
        return bool(study.execute("SELECT count(*) FROM trials WHERE state = 'RUNNING'").fetchone()[0])


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["1", "2"])
def test_after_a_kill_it_goes_on_and_ends_as_if_nothing_had_happened(processes: str, search, base) -> None:
    base(WIDTHS)
    for number in (0, 3):
        process = child(processes)
        until_trial(process, number)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    study = open_study(FILE, warmup=1)
    assert any(one.state == TrialState.RUNNING for one in study.get_trials())
    close_study(study)
    after = search(trials=8)
    assert len(after.over) == 8
    assert sum(one.state == TrialState.FAIL for one in after.study.get_trials()) >= 2
    assert len({one.user_attrs["spec"] for one in after.over}) == 8, "no trial twice"
    if processes == "1":
        mine = values_of(after)
        forget(FILE)
        assert values_of(search(trials=8)) == mine


@pytest.mark.slow
def test_ctrl_c_ends_at_once_and_leaves_nothing_running(search, base) -> None:
    base(WIDTHS)
    process = child("2")
    until_trial(process, 1)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert said.endswith("stopped\n")
    assert process.returncode == 0
    study = open_study(FILE, warmup=1)
    assert not [one for one in study.get_trials() if one.state == TrialState.RUNNING]
    assert [one for one in study.get_trials() if one.state == TrialState.WAITING], "they are tried again"
    close_study(study)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert len(search(trials=8).over) == 8


def test_a_study_of_other_data_folds_space_or_spec_is_another(base) -> None:
    def key(tune: str = WIDTHS, params: str = "", folds: int | None = None, data: str = "d", code: str = "c") -> str:
        of = base(tune, params or base().text.partition("tune:")[0])
        return study_key(of, space_of(of), Plan(folds, of.spec.tune.seed, folds is not None, ""), data, code)

    plain = base().text.partition("tune:")[0]
    first = key()
    others = [
        key(folds=5), key(data="e"), key(code="d"), key(WIDTHS.replace("90", "91")), key("{seed: 1, " + WIDTHS[1:]),
        key(params=plain.replace("dropout: 0.1", "dropout: 0.2")), key(params=plain.replace("patience: 2", "patience: 3")),
        key(params=plain.replace("unit: kg", "unit: kg, weight: 2")),
    ]  # fmt: skip
    assert len({first, *others}) == len(others) + 1
    varied = plain.replace("width: 16", "width: 48").replace("lr: 1e-2", "lr: 2e-2")
    assert key(params=varied) == first, "writing the best values into params.yaml goes on with the same study"
    assert key("{trials: 99, processes: 2, " + WIDTHS[1:]) == first
    assert key(params=plain.replace("tolerance", "tolerance")) == first


def test_two_searches_of_one_study_do_not_meet(tmp_path: Path) -> None:
    with only_one(tmp_path, "a"), only_one(tmp_path, "b"), pytest.raises(MtlError, match="tuned already"), only_one(tmp_path, "a"):
        raise AssertionError
    with only_one(tmp_path, "a"):
        pass


def test_a_broken_study_is_named_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(DataError, match="--fresh"):
        open_study(file, warmup=1)


def test_a_study_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "study.db"

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(optuna, "create_study", killed)
    with pytest.raises(KeyboardInterrupt):
        open_study(file, warmup=1)
    assert list(tmp_path.iterdir()) == []
