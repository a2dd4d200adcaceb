"""benchmarks/RESULTS.md's part on real data, from the figures of finished cells."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from scipy import stats

from benchmarks.quality.networks import NETWORKS
from benchmarks.quality.seeds import FRESH
from benchmarks.results import Section, write

Cells = Sequence[Mapping[str, Any]]


def write_tables(results: Mapping[str, Mapping[str, Any]]) -> None:
    """One section a data set that has any figures."""
    for data in dict.fromkeys(cell["data"] for cell in results.values()):
        of_data = [cell for cell in results.values() if cell["data"] == data]
        text = "\n".join([*_overview(of_data), "", *_by_task(of_data), *_side_by_side(of_data)])
        write(Section(f"quality {data}", TITLES[data], f"python -m benchmarks.quality --data {data}", text))


EXPLAINED = (
    "Means over tasks of the headline metric, and over split seeds, with the 95 % interval over seeds where there are several."
    " `labels`: the share of train's and valid's rows that are learned from; test is whole."
    " `delta_m`: mean gain over single-task, percent of the loss form. `worse`: verdicts, over all seeds."
    " `seconds`: of training the shared network, beside other work; its teachers, if any, are the single-task networks."
)
RIVALS = ("value", "single_task", "trees")
PLAIN = {"reviews": "TF-IDF with a linear model"}
"""What the plain rival of a data set is called; of others: boosted trees."""
SIDE_SEED = 7
TITLES = {
    "nhanes": "NHANES: eleven tasks of health",
    "census": "Census income: two tasks, the full set",
    "tox21": "Tox21: twelve assays",
    "reviews": "Clothing reviews: three tasks on one text",
}


def _overview(cells: Cells) -> list[str]:
    """A row a variant and share of labels: means over tasks, and over seeds with their 95 % interval (Student's t)."""
    lines = [
        EXPLAINED,
        "",
        f"| labels | variant | seeds | this model | single-task | {_plain(cells)} | delta_m, % | worse | seconds |",
        "|---:| --- |---:|---:|---:|---:| --- |---:|---:|",
    ]
    for (share, variant), group in sorted(
        _grouped(cells).items(), key=lambda item: (-item[0][0], item[0][1] != "default", item[0])
    ):
        means = [f"{statistics.fmean(_mean_of(cell, rival) for cell in group):.4f}" for rival in RIVALS]
        worse = sum(task["verdict"] == "worse" for cell in group for task in cell["tasks"].values())
        timed = [cell["seconds"] for cell in group if cell["seconds"]]  # one that was suspended on the way has none
        seconds = statistics.fmean(timed) if timed else float("nan")
        gain = _interval([cell["delta_m"][0] for cell in group])
        lines.append(f"| {share:.0%} | {variant} | {len(group)} | {' | '.join(means)} | {gain} | {worse} | {seconds:.0f} |")
    return lines


def _by_task(cells: Cells) -> list[str]:
    """A row a task, at all labels, by the default: means over seeds, and how many tasks are ahead of each rival by them."""
    group = _grouped(cells).get((1, "default"), [])
    if not group:
        return []
    lines = [
        f"| task, all labels, default | metric | this model | single-task | {_plain(cells)} | delta, % of its loss alone | worse |",
        "| --- | --- |---:|---:|---:| --- |---:|",
    ]
    ahead = dict.fromkeys(RIVALS[1:], 0)
    for name, task in group[0]["tasks"].items():
        there = [cell["tasks"][name] for cell in group if name in cell["tasks"]]
        means = {rival: statistics.fmean(one[rival] for one in there) for rival in RIVALS}
        for rival in ahead:
            ahead[rival] += means["value"] > means[rival]
        figures = " | ".join(f"{mean:.4f}" for mean in means.values())
        worse = sum(one["verdict"] == "worse" for one in there)
        lines.append(f"| {name} | {task['metric']} | {figures} | {_interval([one['delta_pct'] for one in there])} | {worse} |")
    tasks, seeds = len(group[0]["tasks"]), len(group)
    said = f"ahead of single-task on {ahead['single_task']} and of {_plain(cells)} on {ahead['trees']} of {tasks} tasks"
    return [*lines, "", f"By these means over {seeds} {'split' if seeds == 1 else 'splits'} the model is {said}."]


def _side_by_side(cells: Cells) -> list[str]:
    """A row a network, on the one split that all of them have: this model / single-task of each task, and the plain rival."""
    known = ("default", *NETWORKS.get(cells[0]["data"], {}))
    found = {name: cell for cell in cells if cell["seed"] == SIDE_SEED and (name := _variant(cell)) in known}
    if len(found) < 2:
        return []
    tasks = list(found[next(iter(found))]["tasks"])
    lines = [
        "", f"Networks side by side, split seed {SIDE_SEED}: this model / single-task.", "",
        f"| network | {' | '.join(tasks)} | delta_m, % | seconds |", f"| --- |{' --- |' * len(tasks)}---:|---:|",
    ]  # fmt: skip
    for name, cell in found.items():
        pairs = [f"{cell['tasks'][task]['value']:.4f} / {cell['tasks'][task]['single_task']:.4f}" for task in tasks]
        lines.append(f"| {name} | {' | '.join(pairs)} | {cell['delta_m'][0]:+.2f} | {cell['seconds'] or float('nan'):.0f} |")
    plain = [f"{found[next(iter(found))]['tasks'][task]['trees']:.4f}" for task in tasks]
    return [*lines, f"| {_plain(cells)} | {' | '.join(plain)} | | |"]


def _grouped(cells: Cells) -> dict[tuple[float, str], list[Mapping[str, Any]]]:
    found: dict[tuple[float, str], list[Mapping[str, Any]]] = {}
    for cell in cells:
        found.setdefault((cell["share"], _variant(cell)), []).append(cell)
    return found


def _variant(cell: Mapping[str, Any]) -> str:
    """`default`, a network's name, or what was changed; splits that nothing was chosen on stand apart."""
    named = (name for name, changes in NETWORKS.get(cell["data"], {}).items() if dict(changes) == cell["changes"])
    variant = next(named, ", ".join(f"{key} {json.dumps(value)}" for key, value in cell["changes"].items()) or "default")
    return f"{variant}, fresh splits" if cell["seed"] in FRESH else variant


def _plain(cells: Cells) -> str:
    """What the plain rival is called."""
    return PLAIN.get(cells[0]["data"], "boosted trees")


def _mean_of(cell: Mapping[str, Any], rival: str) -> float:
    return statistics.fmean(task[rival] for task in cell["tasks"].values() if task[rival] is not None)


def _interval(values: Sequence[float]) -> str:
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:+.2f}"
    half = float(stats.t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"
