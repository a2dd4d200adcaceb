"""T networks of their own: together over one after the other; and what stopped tasks and missing labels cost."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import results
from benchmarks.contest import Entrant, Result, contest
from benchmarks.results import Section
from benchmarks.work import DEPTH, FEATURES, write_arrays

OURS, TASKS = "benchmarks.separate.ours", 10
SIZES = [(width, batch) for width in (64, 128, 256) for batch in (256, 1024)]
LABELLED = 0.3


def goal(width: int) -> float:
    """At most 0.6 up to width 128, never above 1."""
    return 0.6 if width <= 128 else 1.0


def measure(count: int, rounds: int, sizes: Sequence[tuple[int, int]] = SIZES) -> dict[tuple[int, int], list[Result]]:
    """(width, batch) → one `separate` run, and its matrix products alone, over the same networks one after the other."""
    work, found = str(write_arrays(count, TASKS, 1.0)), {}
    for width, batch in sizes:
        asked = {"work": work, "threads": 1, "width": width, "batch_size": batch}
        serial = Entrant("one after the other", OURS, asked | {"serial": True})
        floor = Entrant(f"products {width}-{batch}", OURS, asked | {"products": True})
        found[width, batch] = contest(serial, [Entrant(f"separate {width}-{batch}", OURS, asked), floor], rounds)[1:]
    return found


def measure_idle(count: int, rounds: int, width: int = 128, batch: int = 256) -> list[Result]:
    """Ten tasks at work with all labels; then half of them stopped, only half of them there, and few labels of each."""
    asked = {"threads": 1, "width": width, "batch_size": batch}
    everything = str(write_arrays(count, TASKS, 1.0))
    half = TASKS // 2
    others = [
        Entrant(f"{half} of them have stopped", OURS, asked | {"work": everything, "stopped": half}),
        Entrant(f"{half} tasks from the start", OURS, asked | {"work": str(write_arrays(count, half, 1.0))}),
        Entrant(f"{LABELLED:.0%} of the labels", OURS, asked | {"work": str(write_arrays(count, TASKS, LABELLED))}),
        Entrant(f"{LABELLED:.0%} of the rows", OURS, asked | {"work": str(write_arrays(int(count * LABELLED), TASKS, 1.0))}),
    ]
    return contest(Entrant(f"{TASKS} tasks, every label", OURS, asked | {"work": everything}), others, rounds)


def section(found: dict[tuple[int, int], list[Result]], idle: list[Result], count: int, rounds: int, command: str) -> Section:
    """Both tables."""
    said = (
        f"{TASKS} networks {DEPTH} × width, {FEATURES} features, {count:,} rows, every label there, one thread. CPU time of an "
        f"epoch of one `separate` run over an epoch of {TASKS} runs of one task each: median of {rounds} pairs (least–largest), "
        "peak memory in MiB. *Products*: the products of matrices that these networks cannot do without, and nothing else; no way "
        "of running them side by side is below it."
    )
    widths, batches = sorted({w for w, _ in found}), sorted({b for _, b in found})
    lines = [line for w in widths for line in _lines(w, [found.get((w, b)) for b in batches])]
    first = results.table(["", *[f"batch {b}" for b in batches], "goal"], lines)
    second = results.table(["", "over all at work"], [[r.entrant.name, results.cell(r)] for r in idle])
    why = (
        "Stopped tasks and rows without a label cost nothing: an epoch after half the tasks have stopped costs what half the tasks "
        f"cost, and {LABELLED:.0%} of the labels what {LABELLED:.0%} of the rows do (width 128, batch 256)."
    )
    failed = results.failures([*(one for pair in found.values() for one in pair), *idle])
    return Section("separate", "Single-task networks side by side", command, f"{said}\n\n{first}\n\n{why}\n\n{second}{failed}")


def _lines(width: int, pairs: Sequence[list[Result] | None]) -> list[list[str]]:
    ours, floor = ([pair[place] if pair else None for pair in pairs] for place in (0, 1))
    return [
        [f"width {width}", *[results.cell(one, goal(width)) for one in ours], f"≤ {goal(width):g}"],
        [f"products of width {width}", *[results.cell(one) for one in floor], "–"],
    ]
