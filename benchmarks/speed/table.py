"""The speed table: who takes part, at how many tasks, and what each should reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import results
from benchmarks.contest import Entrant, Result, contest
from benchmarks.results import Section
from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH, write_arrays
from mtl.balancing import BALANCINGS
from mtl.spec import Training
from mtl.spec.options import ON_GRADIENTS

OURS, HAND = "benchmarks.speed.ours", "benchmarks.speed.by_hand"
Goals = dict[int, float]
"""Tasks → largest ratio."""
PLAIN: Goals = {4: 0.95, 16: 0.75, 64: 0.6}
REPRESENTATION: Goals = {4: 1.25, 16: 1.7, 64: 3.0}
PARAMETERS: Goals = {4: 2.8, 16: 5.0}
TRACKING = 1.03


@dataclass(frozen=True)
class Row:
    """A line of the table: an entrant's module, what it is asked, its goals, the numbers of tasks it is measured at."""

    name: str
    method: str
    module: str
    asked: dict[str, object]
    goals: Goals
    peer: str | None = None
    tasks: tuple[int, ...] = (4, 16, 64)

    def entrant(self, work: str) -> Entrant:
        return Entrant(self.name, self.module, {"work": work, "threads": 1, **self.asked}, self.peer)


def rows(methods: Sequence[str] | None = None) -> list[Row]:
    """All lines, or those whose method (in lower case) is among `methods`."""
    lines = [*_ours(), *_theirs()]
    return [line for line in lines if methods is None or line.method.lower() in methods]


def _ours() -> Iterator[Row]:
    for name in BALANCINGS:
        if name not in ON_GRADIENTS:
            yield Row(f"mtl {name}", name, OURS, {"training": {"balancing": name}}, PLAIN if name == "equal" else {})
    for at, goals in (("representation", REPRESENTATION), ("parameters", PARAMETERS)):
        for name in ON_GRADIENTS:
            asked = {"training": {"balancing": name, "at": at}}
            yield Row(f"mtl {name}, {at}", name, OURS, asked, goals, tasks=tuple(goals))


def _theirs() -> Iterator[Row]:
    for name in ("UPGrad", "PCGrad", "MGDA"):
        yield Row(f"TorchJD {name}", name, "benchmarks.peers.torchjd", {"method": name}, {}, "torchjd")
    for name, peer in (("EW", "libmtl"), ("PCGrad", "libmtl"), ("MGDA", "libmtl"), ("Nash_MTL", "libmtl_source")):
        yield Row(f"LibMTL {name}", name, "benchmarks.peers.libmtl", {"method": name}, {}, peer, (4, 16))
    yield Row("torch-rechub", "torch-rechub", "benchmarks.peers.torch_rechub", {}, {}, "torch_rechub", (4, 16))


def measure_tracking(tasks: Sequence[int], count: int, rounds: int) -> dict[int, Result]:
    """Tasks → a plain step with relatedness tracked (the default, looks ahead and all) over one without."""
    found = {}
    for number in tasks:
        asked = {"work": str(write_arrays(count, number)), "threads": 1}
        tracked = Entrant("tracked", OURS, asked | {"training": {"relatedness": Training().relatedness}})
        found[number] = contest(Entrant("not tracked", OURS, asked), [tracked], rounds)[1]
    return found


def measure(tasks: Sequence[int], count: int, rounds: int, methods: Sequence[str] | None = None) -> dict[int, list[Result]]:
    """Tasks → results, the hand-written loop beside itself first."""
    found = {}
    for number in tasks:
        work = str(write_arrays(count, number))
        entrants = [row.entrant(work) for row in rows(methods) if number in row.tasks]
        found[number] = contest(Entrant("by hand", HAND, {"work": work, "threads": 1}), entrants, rounds)
    return found


def section(found: dict[int, list[Result]], tracking: dict[int, Result], count: int, rounds: int, command: str) -> Section:
    """The table of what was measured."""
    by_name = {number: {r.entrant.name: r for r in of} for number, of in found.items()}
    lines = [Row("by hand", "", HAND, {}, {}), *rows()]
    body = [
        [row.name, *[results.cell(by_name[n].get(row.name), row.goals.get(n)) for n in found], _goals(row.goals, found)]
        for row in lines
        if any(row.name in of for of in by_name.values())
    ]
    said = (
        f"Shared-bottom MLP {DEPTH} × {WIDTH}, {FEATURES} features, {count:,} rows, a fifth of the labels missing, batch {BATCH}, "
        f"AdamW, one thread. CPU time of one epoch over that of a loop written by hand that slices tensors: median of {rounds} "
        "pairs (least–largest), and the process's peak memory in MiB; the line of the loop by hand is the noise. "
        f"✗: the goal is missed. Peers: {results.peers()}."
    )
    text = results.table(["", *[f"T = {n}" for n in found], "goal"], body)
    failed = results.failures([r for of in found.values() for r in of] + list(tracking.values()))
    return Section("speed", "Speed of one epoch", command, f"{said}\n\n{text}{failed}{_tracking(tracking)}")


def _tracking(found: dict[int, Result]) -> str:
    if not found:
        return ""
    line = ["relatedness tracked", *[results.cell(of, TRACKING, digits=3) for of in found.values()], f"≤ {TRACKING:g}"]
    text = results.table(["", *[f"T = {n}" for n in found], "goal"], [line])
    return (
        f"\n\nWith relatedness tracked (the default: every {Training().relatedness} steps), over the same step without:\n\n{text}"
    )


def _goals(goals: Goals, found: dict[int, list[Result]]) -> str:
    return " / ".join(f"≤ {goals[n]:g}" for n in found if n in goals) or "–"
