"""What a person sees of a run."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mtl.orchestration import terminal
from mtl.orchestration.results import show_failure, show_results
from mtl.orchestration.terminal import Terminal
from mtl.orchestration.watch import Outcome, watched_by, watcher


def screen(width: int = 100, tty: bool = False) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=tty, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_line_a_stage_with_what_it_made() -> None:
    console = screen()
    with Terminal(console) as shown, watched_by(shown):
        watcher().started("ingest@people")
        watcher().line("ingest@people", "Running stage 'ingest@people':")
        watcher().line("ingest@people", "ingest: people: 900 rows")
        watcher().finished(Outcome("ingest@people", "ran", 1.25))
        watcher().finished(Outcome("split", "unchanged"))
        watcher().finished(Outcome("train", "retrying", 0.5, "no such server\n  do: wait"))
        watcher().finished(Outcome("train", "failed", 0.5, "no such server", 1))
    lines = text(console).splitlines()
    assert "ran          1.2 s  ingest@people  900 rows" in lines[1]
    assert "retrying     0.5 s  train  no such server" in lines[2]
    assert not any("split" in line for line in lines), "what was not touched is not worth a line"
    assert [outcome.what for outcome in shown.outcomes] == ["ran", "unchanged", "failed"]


@pytest.mark.parametrize("width", [30, 80])
def test_the_live_line_has_a_bar_and_never_wraps(width: int) -> None:
    shown = Terminal(screen(width))
    shown.started("train")
    shown.line("train", "candidate: epoch 50/100, valid 0.9073 of a constant's loss, best 0.9")
    console = screen(width)
    console.print(shown._running())
    (line,) = text(console).splitlines()
    assert len(line) <= width
    if width == 80:
        assert "epoch 50/100" in line


def test_a_log_gets_progress_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    console = screen()
    shown = Terminal(console)
    shown.started("train")
    shown.line("train", "epoch 1/100")
    assert "epoch" not in text(console)
    monkeypatch.setattr(terminal, "SECONDS_A_LINE", 0.0)
    shown.line("train", "epoch 2/100")
    shown.line("train", "not progress")
    assert text(console).splitlines()[1:] == ["  train: epoch 2/100"]


def test_a_failure_says_stage_words_log_and_the_way_on() -> None:
    console = screen()
    show_failure(console, [Outcome("train", "failed", 1, "loss is nan\n  do: lower lr", 1), Outcome("report", "not run")], "")
    assert "stage train failed: loss is nan\n  do: lower lr" in text(console)
    assert ".mtl/logs/train.log" in text(console)
    assert "go on with: mtl run" in text(console)
    other = screen()
    show_failure(other, [], "unknown stage [x]")
    assert "error: unknown stage [x]" in text(other)


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    console = screen()
    show_results(console, tmp_path, [Outcome("split", "unchanged")], 6.04)
    assert text(console) == "nothing to do: all 1 stages are up to date (6.0 s)\n"
