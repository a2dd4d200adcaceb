"""`mtl run`: the flow `retrain` in this process, told to a person."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from mtl.errors import MtlError, SpecError
from mtl.orchestration.local import keep_console_quiet, local_server
from mtl.orchestration.lock import workspace_lock
from mtl.orchestration.polling import sql_sources


def run(root: Path, *, force: bool = False) -> int:
    """Run what is stale; a line a stage, then the results. The exit code: 0, 1 data or training, 2 spec, 130 Ctrl-C."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = 120  # a log, not a screen of 80
    began = time.perf_counter()
    try:
        _look_at(root)
        with workspace_lock(root):
            console.print("starting Prefect …", style="dim")
            keep_console_quiet()
            return _run(root.resolve(), force, console, began, local_server(root))
    except MtlError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code


def _look_at(root: Path) -> None:
    """What can be said at once need not wait for Prefect. Raises SpecError."""
    if not (root / "dvc.yaml").is_file():
        raise SpecError(
            f"{root.resolve()}: no dvc.yaml", expected="a project's folder", do="go to one, or make one with `mtl init`"
        )
    sql_sources(root)


def _run(root: Path, force: bool, console: Console, began: float, wait_for_server: Callable[[], None]) -> int:
    from mtl.orchestration.events import WRONG_SPEC
    from mtl.orchestration.flow import retrain
    from mtl.orchestration.results import show_failure, show_results
    from mtl.orchestration.terminal import Terminal
    from mtl.orchestration.watch import watched_by

    wait_for_server()
    try:
        with Terminal(console) as terminal, watched_by(terminal):
            state = retrain(str(root), force, return_state=True)
    except KeyboardInterrupt:
        console.print("stopped; nothing is left running. `mtl run` goes on from here", style="yellow")
        return 128 + signal.SIGINT
    if not state.is_completed():
        show_failure(console, terminal.outcomes, state.message or "")
        return 2 if state.name == WRONG_SPEC else 1
    show_results(console, root, terminal.outcomes, time.perf_counter() - began)
    return 0
