"""The results as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

MANY = 30
"""More tasks than this are shortened to the worst and the best."""
EACH_END = 8
COLOURS = {"better": "green", "no worse": "default", "worse": "bold red", "cannot tell": "yellow"}


def results_table(metrics: Mapping[str, Any], plain: str = "boosted trees") -> Table:
    """Task, metric, this model, single-task, the rival called `plain`, delta with interval, verdict; from metrics.json.

    More than 30 tasks are shortened to the 8 of the lowest and the 8 of the highest delta, with a line that counts
    the rest; tasks that are `worse` are never hidden among them, up to 30.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    tasks = metrics["tasks"]
    first, last = _shortened(tasks)
    table = Table(
        title=_title(metrics),
        caption=_counts(tasks),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for text in ("task", "metric"):
        table.add_column(text, no_wrap=True)
    for number in ("this\nmodel", "single-\ntask", plain.replace(" ", "\n"), "delta, %"):
        table.add_column(number, justify="right")
    table.add_column("verdict", no_wrap=True)
    for name in first:
        table.add_row(*_cells(name, tasks[name]))
    if hidden := len(tasks) - len(first) - len(last):
        table.add_row(f"… {hidden} more tasks", style="dim")
    for name in last:
        table.add_row(*_cells(name, tasks[name]))
    return table


def _shortened(tasks: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Names to show before and after the gap; all in their own order, or many by rising delta."""
    if len(tasks) <= MANY:
        return list(tasks), []
    rising = sorted(tasks, key=lambda name: (tasks[name]["delta_pct"] is None, tasks[name]["delta_pct"] or 0.0))
    known = [name for name in rising if tasks[name]["delta_pct"] is not None]
    worse = [name for name in known if tasks[name]["verdict"] == "worse"]
    first = known[:EACH_END] + [name for name in worse if name not in known[:EACH_END]]
    first = first[: MANY - EACH_END]
    last = [name for name in known[-EACH_END:] if name not in first]
    return first, last


def _cells(name: str, task: Mapping[str, Any]) -> list[str]:
    from rich.markup import escape

    verdict = task["verdict"] or "–"
    colour = COLOURS.get(verdict, "default")
    return [
        escape(name), task["metric"], _number(task["value"]), _number(task["single_task"]), _number(task["trees"]),
        _delta(task), f"[{colour}]{verdict}[/{colour}]",
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _delta(task: Mapping[str, Any]) -> str:
    if task["delta_pct"] is None:
        return "–"
    return _with_ends(task["delta_pct"], task["delta_low"], task["delta_high"])


def _with_ends(value: float, low: float | None, high: float | None) -> str:
    ends = "" if low is None or high is None else f" ({low:+.1f} to {high:+.1f})"
    return f"{value:+.1f}{ends}"


def _title(metrics: Mapping[str, Any]) -> str:
    if metrics["delta_m"] is None:
        return "Results on test"
    mean = _with_ends(metrics["delta_m"], metrics["delta_m_low"], metrics["delta_m_high"])
    return f"Results on test; mean delta over single-task {mean} %"


def _counts(tasks: Mapping[str, Any]) -> str:
    """`11 tasks: 3 better, 8 no worse than single-task; undefined: rash`."""
    said = [task["verdict"] for task in tasks.values()]
    counts = ", ".join(f"{said.count(verdict)} {verdict}" for verdict in COLOURS if verdict in said)
    return f"{len(tasks)} tasks against single-task: {counts or 'no verdict'}"
