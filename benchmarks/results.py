"""RESULTS.md: sections between marks, so that each is made again by its own command and leaves the others alone."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.contest import PEERS, Result

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = "# Results\n\nMade by the commands that stand with them; each section is rewritten by its own, the rest stays.\n"
PACKAGES = ("torchjd", "LibMTL", "torch-rechub", "ludwig")


@dataclass(frozen=True)
class Section:
    """One part of the file: its mark, the command that makes it, and what it says (Markdown)."""

    name: str
    title: str
    command: str
    body: str

    def text(self) -> str:
        start, end = marks(self.name)
        return f"{start}\n## {self.title}\n\nMade by `{self.command}` on {machine()}.\n\n{self.body.strip()}\n{end}\n"


def marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: made by a program, what is written here is lost -->", f"<!-- end of {name} -->"


def write(section: Section, file: Path = RESULTS) -> None:
    """Put the section where it stood, or at the end."""
    text = file.read_text() if file.is_file() else HEAD
    start, end = (re.escape(mark) for mark in marks(section.name))
    new, found = re.subn(f"{start}.*?{end}\n", lambda _: section.text(), text, count=1, flags=re.DOTALL)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(new if found else f"{text.rstrip()}\n\n{section.text()}")
    partial.replace(file)


def machine() -> str:
    """The machine in words, and the versions that matter."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, torch {version('torch')}, polars {version('polars')}"
    )


def peers() -> str:
    """Peers and their versions, as `benchmarks/peers/install` noted them."""
    found = []
    for file in sorted(PEERS.glob("*.txt")):
        lines = dict(line.split("==", 1) for line in file.read_text().splitlines() if "==" in line)
        name = next((n for n in PACKAGES if n.lower().replace("-", "_") in file.stem.lower()), file.stem)
        found.append(f"{name} {lines.get(name, 'from its sources')} (torch {lines.get('torch', '?')})")
    return ", ".join(found) or "none installed"


def cell(result: Result | None, goal: float | None = None, what: str = "cpu", digits: int = 2) -> str:
    """`0.89 (0.85–0.93) 395`: median ratio, its least and largest, peak memory in MiB; ✗ where the goal is missed."""
    if result is None or not result.answers:
        return "–" if result is None or result.error is None else "failed"
    ratios = result.ratios(what)
    missed = " ✗" if goal is not None and result.ratio(what) > goal else ""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(ratios), result.ratio(what), max(ratios)))
    return f"**{middle}**{missed} ({low}–{high}) · {result.peak_mib:.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is a number's."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def failures(results: Sequence[Result]) -> str:
    """What did not run, and what it said."""
    said = dict.fromkeys(f"- {r.entrant.name}: `{r.error}`" for r in results if r.error is not None)
    return "\n\nDid not run:\n" + "\n".join(said) if said else ""
