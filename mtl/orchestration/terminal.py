"""A run as a person at the terminal sees it: a line a stage, and of what runs now its last words."""

from __future__ import annotations

import re
import threading
import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from mtl.orchestration.watch import Outcome, Watcher

STYLES = {"ran": "green", "restored": "cyan", "unchanged": "dim", "failed": "bold red", "retrying": "yellow", "not run": "yellow"}
EPOCH = re.compile(r"epoch (\d+)/(\d+)")
"""How a stage that trains says how far it is."""
BAR = 24
SECONDS_A_LINE = 10.0
"""Where nothing can be drawn over, a stage's progress is printed this often."""


class Terminal(Watcher):
    """Prints a line when a stage ends. On a terminal live lines below show each running stage's last output, and a bar."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.outcomes: list[Outcome] = []
        self._last: dict[str, tuple[float, str]] = {}
        self._printed: dict[str, float] = {}
        self._guard = threading.Lock()
        self._live = Live(console=console, get_renderable=self._running, refresh_per_second=4, transient=True)

    def __enter__(self) -> Terminal:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, stage: str) -> None:
        with self._guard:
            self._last[stage] = (time.perf_counter(), "")
            self._printed[stage] = time.perf_counter()
        if not self.console.is_terminal:
            self.console.print(f"  {stage} …", style="dim", highlight=False)

    def line(self, stage: str, text: str) -> None:
        if text.startswith(("Running stage ", "> ")):
            return
        with self._guard:
            began = self._last.get(stage, (time.perf_counter(), ""))[0]
            self._last[stage] = (began, text)
            now = time.perf_counter()
            due = bool(EPOCH.search(text)) and now - self._printed.get(stage, now) >= SECONDS_A_LINE
            if due:
                self._printed[stage] = now
        if due and not self.console.is_terminal:
            self.console.print(f"  {stage}: {text}", style="dim", highlight=False, markup=False, soft_wrap=True)

    def finished(self, outcome: Outcome) -> None:
        with self._guard:
            _, said = self._last.pop(outcome.stage, (0.0, ""))
            if outcome.what != "retrying":
                self.outcomes.append(outcome)
        if outcome.what == "unchanged":
            return
        self.console.print(self._line_of(outcome, said), highlight=False, soft_wrap=True)

    def _line_of(self, outcome: Outcome, said: str) -> Text:
        seconds = f"{outcome.seconds:6.1f} s" if outcome.what not in ("unchanged", "not run") else " " * 8
        line = Text.assemble("  ", (f"{outcome.what:<9}", STYLES[outcome.what]), f" {seconds}  {outcome.stage}")
        said = outcome.message.partition("\n")[0] if outcome.what == "retrying" else said if outcome.what == "ran" else ""
        for name in outcome.stage.split("@"):
            said = said.removeprefix(f"{name}: ")
        line.append(f"  {said}", "dim")
        line.truncate(self.console.width if self.console.is_terminal else 240, overflow="ellipsis")
        return line

    def _running(self) -> RenderableType:
        now = time.perf_counter()
        with self._guard:
            rows = [(stage, now - began, said) for stage, (began, said) in self._last.items()]
        return Group(*(self._waiting_on(*row) for row in rows))

    def _waiting_on(self, stage: str, seconds: float, said: str) -> Text:
        line = Text.assemble(("  running  ", "blue"), f"   {seconds:6.0f} s  {stage}  ")
        if epoch := EPOCH.search(said):
            done, of = int(epoch[1]), max(1, int(epoch[2]))
            full = round(BAR * min(1, done / of))
            line.append("━" * full, "magenta").append("━" * (BAR - full), "dim").append(f" {epoch[0]}")
            said = said[epoch.end() :]
        line.append(said, "dim")
        line.truncate(self.console.width, overflow="ellipsis")
        return line
