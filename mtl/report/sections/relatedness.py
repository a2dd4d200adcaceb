"""Which tasks help which, which fight: lookahead affinity, cosines of gradients, conflicts, norms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np

from mtl.relatedness.order import Array, leaf_order
from mtl.report.pictures.heat import MOST_NAMED, heat_map
from mtl.report.pictures.strips import share_bar
from mtl.report.reading import Findings
from mtl.report.sections.common import value_of
from mtl.report.words import number, percent, signed
from mtl.spec import Spec

MOST_TOLD = 3
"""Pairs that the text names on either side."""
MOST_ROWS = 10
"""Pairs in the table."""
FIGHTS = 0.5
"""Two tasks fight whose gradients point apart on average and in more than this share of steps."""


@dataclass(frozen=True)
class Seen:
    """Matrices [task, task], NaN where two tasks never met."""

    tasks: list[str]
    affinity: Array
    cosine: Array
    conflicts: Array


def context(findings: Findings, spec: Spec) -> dict[str, Any] | str:
    together = (findings.choice.get("relatedness") or {}) if findings.choice.get("asked") == "auto" else {}
    found = {**together, "tasks": findings.choice.get("tasks")} if together else findings.candidate.relatedness
    if not found:
        return "There is nothing to compare: tasks that share nothing have no common gradients, or training.relatedness is off."
    seen = Seen(list(found["tasks"]), *(_matrix(found[name]) for name in ("affinity", "cosine", "conflicts")))
    order = leaf_order(_alike(seen))
    return {
        "when": "while all tasks shared one trunk, in the trainings of the choice" if together else "while this model was trained",
        "told": _told(seen),
        "charts": [chart for chart in (_affinity_chart(seen, order), _cosine_chart(seen, order)) if chart],
        "order": [seen.tasks[t] for t in order] if len(order) > MOST_NAMED else [],
        "pairs": _pairs(seen),
        "norms": _norms(findings),
        "many": len(seen.tasks) > MOST_NAMED,
        "at": findings.candidate.relatedness.get("at", ""),
    }


def _matrix(rows: list[list[float | None]]) -> Array:
    return np.array([[np.nan if v is None else v for v in row] for row in rows], np.float64)


def _alike(seen: Seen) -> Array:
    """What the order is made from: affinity relative to what each task does for itself, else cosines."""
    own = np.nan_to_num(seen.affinity.diagonal())
    if not (own > 0).all():
        return seen.cosine
    root = np.sqrt(own)
    return np.asarray(np.clip(seen.affinity / np.outer(root, root), -1, 1), np.float64)


def _ordered(matrix: Array, order: list[int]) -> list[list[float | None]]:
    return [[float(v) if np.isfinite(v) else None for v in row] for row in matrix[np.ix_(order, order)]]


def _off(matrix: Array) -> Array:
    """The values off the diagonal that are known."""
    values = matrix[~np.eye(len(matrix), dtype=np.bool_)]
    return np.asarray(values[np.isfinite(values)], np.float64)


def _affinity_chart(seen: Seen, order: list[int]) -> dict[str, Any] | None:
    off = _off(seen.affinity)
    if not len(off):
        return None
    top = float(np.quantile(np.abs(off), 0.95)) or 1.0
    names = [seen.tasks[t] for t in order]
    tip = "a step on {row} changes the loss of {column} by {value}: above 0 it falls"
    svg = heat_map(
        "lookahead affinity of tasks", names, _ordered(seen.affinity, order), top, lambda v: signed(100 * v, 1), tip + " %"
    )
    note = "Row: the task a step is taken on. Column: by how many percent the loss of this task falls."
    note += f" Strongest shade from {percent(top)} on."
    return {"title": "Lookahead affinity", "svg": svg, "note": note}


def _cosine_chart(seen: Seen, order: list[int]) -> dict[str, Any] | None:
    off = _off(seen.cosine)
    if not len(off):
        return None
    top = max(float(np.quantile(np.abs(off), 0.95)), 0.05)
    names = [seen.tasks[t] for t in order]
    tip = "gradients of {row} and {column}: mean cosine {value}"
    svg = heat_map("cosines of the tasks' gradients", names, _ordered(seen.cosine, order), top, _short, tip)
    return {
        "title": "Cosine of gradients",
        "svg": svg,
        "note": f"Mean over the steps looked at. Strongest shade from {number(top, 2)} on.",
    }


def _short(value: float) -> str:
    """Two decimals without the zero before them."""
    return signed(value, 2).replace("0.", ".", 1).removeprefix("+")


def _told(seen: Seen) -> list[str]:
    """Who helps whom, who fights, in a sentence each."""
    count = len(seen.tasks)
    told = []
    ways = [(float(seen.affinity[i, j]), i, j) for i, j in permutations(range(count), 2) if np.isfinite(seen.affinity[i, j])]
    helps = sorted((way for way in ways if way[0] > 0), reverse=True)[:MOST_TOLD]
    if helps:
        said = "; ".join(f"a step on {seen.tasks[i]} lowers the loss of {seen.tasks[j]} by {percent(z, 2)}" for z, i, j in helps)
        told.append(f"Most help: {said}.")
    harms = sorted(way for way in ways if way[0] < 0)[:MOST_TOLD]
    if harms:
        said = "; ".join(f"a step on {seen.tasks[i]} raises that of {seen.tasks[j]} by {percent(-z, 2)}" for z, i, j in harms)
        told.append(f"Most harm: {said}.")
    fights = [(float(seen.cosine[i, j]), i, j) for i, j in combinations(range(count), 2) if _fight(seen, i, j)]
    if fights:
        said = "; ".join(
            f"{seen.tasks[i]} and {seen.tasks[j]} (cosine {number(c, 2)}, in {percent(seen.conflicts[i, j], 0)} of steps)"
            for c, i, j in sorted(fights)[:MOST_TOLD]
        )
        of = f"{len(fights)} of {count * (count - 1) // 2} pairs"
        told.append(f"{of} fight, their gradients pointing apart more often than not; most: {said}.")
    elif len(_off(seen.cosine)):
        told.append("No two tasks fight: no pair's gradients point apart in most steps.")
    return told


def _fight(seen: Seen, i: int, j: int) -> bool:
    return bool(seen.cosine[i, j] < 0 and seen.conflicts[i, j] > FIGHTS)


def _pairs(seen: Seen) -> list[dict[str, Any]]:
    """The pairs that conflict most often."""
    pairs = [
        (float(seen.conflicts[i, j]), i, j) for i, j in combinations(range(len(seen.tasks)), 2) if np.isfinite(seen.conflicts[i, j])
    ]
    return [
        {
            "one": seen.tasks[i], "other": seen.tasks[j],
            "conflicts": percent(share, 0), "cosine": number(float(seen.cosine[i, j]), 2),
            "there": signed(100 * float(seen.affinity[i, j]), 2), "back": signed(100 * float(seen.affinity[j, i]), 2),
        }
        for share, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:MOST_ROWS]
    ]  # fmt: skip


def _norms(findings: Findings) -> list[dict[str, Any]]:
    """Mean norm of each task's gradient, the largest first."""
    found = findings.candidate.relatedness
    norms = {task: value_of(norm) for task, norm in zip(found.get("tasks") or [], found.get("norms") or [], strict=False)}
    known = sorted(((norm, task) for task, norm in norms.items() if norm is not None), key=lambda pair: (-pair[0], pair[1]))
    largest = known[0][0] if known else 0.0
    return [
        {
            "task": task,
            "anchor": findings.anchor(task),
            "text": number(norm, 3),
            "bar": share_bar(norm / largest, f"{task}: {number(norm, 3)}"),
        }
        for norm, task in known
        if largest > 0
    ]
