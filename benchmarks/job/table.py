"""The whole job's table: seconds, times mtl's, and where mtl's own seconds go."""

from __future__ import annotations

import statistics

from benchmarks import results
from benchmarks.contest import Entrant, Result, contest
from benchmarks.results import Section
from benchmarks.work import DEPTH, FEATURES, WIDTH, write_table

OURS = "mtl"
GOALS = {"Ludwig": 6.0, "LibMTL": 2.0}


def measure(count: int, tasks: int, rounds: int) -> list[Result]:
    """mtl first (beside itself), then with the rivals of its gate, peers, and the job by hand; a fresh process each."""
    asked = {"table": str(write_table(count, tasks)), "threads": 1, "tasks": tasks}
    ours = Entrant(OURS, "benchmarks.job.ours", asked, fresh=True)
    others = [
        Entrant("LibMTL", "benchmarks.peers.libmtl_job", asked, "libmtl", fresh=True),
        Entrant("Ludwig", "benchmarks.peers.ludwig", asked, "ludwig", fresh=True),
        Entrant("by hand", "benchmarks.job.by_hand", asked, fresh=True),
        Entrant("mtl with baseline, trees and verdicts", "benchmarks.job.ours", asked | {"rivals": True}, fresh=True),
    ]
    return contest(ours, others, rounds)


def section(found: list[Result], count: int, tasks: int, rounds: int, command: str) -> Section:
    """The table of what was measured."""
    lines = [_line(result) for result in found if result.answers]
    said = (
        f"One Parquet file of {count:,} rows, {FEATURES} numbers and {tasks} regression targets (every label there, since Ludwig "
        f"drops a row that lacks one), 70 / 10 / 20, network {DEPTH} × {WIDTH}, one epoch, one thread, until the RMSE on test is "
        f"known. CPU seconds of a fresh process, median of {rounds} rounds: of the job alone, and with the start of Python and "
        "the imports. `times mtl`: of the pairs, median (least–largest)."
    )
    head = ["", "job, s", "with imports, s", "times mtl", "times mtl, with imports", "peak MiB", "goal", "mean RMSE"]
    return Section(
        f"job-{tasks}", f"The whole job, T = {tasks}", command,
        f"{said}\n\n{results.table(head, lines)}\n\n{_stages(found[0])}{results.failures(found)}",
    )  # fmt: skip


def _line(result: Result) -> list[str]:
    goal = GOALS.get(result.entrant.name)
    met = "" if goal is None or result.ratio() >= goal else " ✗"
    rmse = [score for answer in result.answers for score in _rmse(answer["said"]).values()]
    return [
        result.entrant.name, f"{result.median('cpu'):.1f}", f"{result.median('total_cpu'):.1f}", f"{_spread(result, 'cpu')}{met}",
        _spread(result, "total_cpu"), f"{result.peak_mib:.0f}", f"≥ {goal:g}" if goal else "–", f"{statistics.mean(rmse):.3f}",
    ]  # fmt: skip


def _rmse(said: dict[str, object]) -> dict[str, float]:
    found = said.get("rmse", said)
    return {name: float(value) for name, value in found.items()} if isinstance(found, dict) else {}


def _spread(result: Result, what: str) -> str:
    ratios = result.ratios(what)
    return f"**{result.ratio(what):.1f}** ({min(ratios):.1f}–{max(ratios):.1f})"


def _stages(ours: Result) -> str:
    if not ours.answers:
        return ""
    stages = [name for name in ours.answers[0]["said"] if name != "rmse"]
    spent = {name: statistics.median(answer["said"][name][0] for answer in ours.answers) for name in stages}
    parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in spent.items())
    return (
        f"Where mtl's seconds go: {parts}. In it and in no peer's: every cell checked against its contract and the batch by Great "
        "Expectations (validate), the search for columns that give a label away (encode), every stage's files, the packed model "
        "read back. Not in it: the single-task baseline, trees, intervals and verdicts, of which peers have no counterpart; the "
        "line with them has all of it."
    )
