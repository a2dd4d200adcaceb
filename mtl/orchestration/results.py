"""What a run says at its end: the tasks, the registry's decision, the report; or what failed and how to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from mtl.evaluation.plain import plain_rival
from mtl.evaluation.table import results_table
from mtl.files import read_json
from mtl.layout import ENCODING_REPORT, METRICS, REGISTRATION, REPORT
from mtl.orchestration.stage import LOGS
from mtl.orchestration.watch import Outcome


def show_results(console: Console, root: Path, outcomes: list[Outcome], seconds: float) -> None:
    """The table of tasks, what the registry decided and why, the report's path."""
    done = [outcome for outcome in outcomes if outcome.what != "unchanged"]
    if not done:
        console.print(f"nothing to do: all {len(outcomes)} stages are up to date ({seconds:.1f} s)")
    else:
        if (root / METRICS).is_file():
            encoding = read_json(root / ENCODING_REPORT) if (root / ENCODING_REPORT).is_file() else {}
            console.print("", results_table(read_json(root / METRICS), plain_rival(encoding)[0]), sep="\n")
        if (root / REGISTRATION).is_file():
            _show_decision(console, read_json(root / REGISTRATION))
        console.print(f"{len(done)} of {len(outcomes)} stages in {seconds:.0f} s", style="dim", highlight=False)
    if (root / REPORT).is_file():
        console.print(f"report: {REPORT}", highlight=False, soft_wrap=True)


def show_failure(console: Console, outcomes: list[Outcome], message: str) -> None:
    """Which stage failed, its own words, and the command to go on with."""
    failed = [outcome for outcome in outcomes if outcome.what == "failed"]
    for outcome in failed:
        console.print(
            f"\nstage {outcome.stage} failed: {outcome.message}", style="red", highlight=False, markup=False, soft_wrap=True
        )
    if not failed:
        _print_red(console, f"error: {message}")
        return
    logs = ", ".join(str(LOGS / f"{outcome.stage}.log") for outcome in failed)
    console.print(f"\nall it printed: {logs}", style="dim", highlight=False, soft_wrap=True)
    console.print("mend that, then go on with: mtl run", highlight=False)


def _print_red(console: Console, text: str) -> None:
    console.print("\n" + text, style="red", highlight=False, markup=False, soft_wrap=True)


def _show_decision(console: Console, said: dict[str, Any]) -> None:
    version = f"{said.get('model') or ''} {said.get('version') or ''}".strip()
    console.print(f"\nregistry: {said.get('decision')} {version}".rstrip(), style="bold", highlight=False)
    for reason in said.get("reasons", ()):
        console.print(f"  {reason}", highlight=False, markup=False, soft_wrap=True)
