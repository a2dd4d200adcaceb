"""Run what is missing of the study, then write its tables into benchmarks/RESULTS.md.

    python -m benchmarks.quality                                   # every cell; goes on where it was stopped
    python -m benchmarks.quality --data nhanes --labels 1 0.05     # some of them
    python -m benchmarks.quality --set training.balancing=nash     # another variant beside the default
    python -m benchmarks.quality --data nhanes --labels 1 --fresh  # other splits than those that the default was chosen on
    python -m benchmarks.quality --only-tables

Figures are kept in benchmarks/quality/results.json, a cell each, with a hash of the code that made them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.quality.cells import Cell, Changes
from benchmarks.quality.networks import NETWORKS
from benchmarks.quality.results import add, read
from benchmarks.quality.seeds import FRESH, SEEDS
from benchmarks.quality.tables import write_tables

SHARES = {"nhanes": (1, 0.2, 0.05), "census": (1, 0.2, 0.05), "tox21": (1, 0.2, 0.05), "reviews": (1,)}


def cells(data: Iterable[str], shares: Iterable[float], seeds: Iterable[int], changes: Changes) -> Iterator[Cell]:
    """The study. Census at all labels has one seed, since its split is the official one and its runs are long; so have the
    networks side by side, which are left out where `changes` ask for another variant."""
    wanted, drawn = set(shares), list(seeds)
    for name in data:
        for share in (s for s in SHARES[name] if not wanted or s in wanted):
            for seed in drawn[:1] if name == "census" and share == 1 else drawn:
                yield Cell(name, seed, share, changes)
        beside = () if changes else NETWORKS.get(name, {}).values()
        yield from (Cell(name, drawn[0], 1, other) for other in beside if not wanted or 1 in wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=SHARES, default=list(SHARES))
    parser.add_argument(
        "--labels", nargs="+", type=float, default=[], help="shares of the rows of train and valid; all if left out"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--fresh", dest="seeds", action="store_const", const=FRESH, help="splits that nothing was chosen on")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a change of the spec; again for more")
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"), help="folder with tox21/tox21.parquet")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="also cells that other code has already run")
    parser.add_argument("--only-tables", action="store_true")
    asked = parser.parse_args()
    changes = tuple((key, YAML(typ="safe").load(value)) for key, _, value in (one.partition("=") for one in asked.set))
    wanted = [] if asked.only_tables else list(cells(asked.data, asked.labels, asked.seeds, changes))
    failed = _run(wanted, asked.shared.resolve(), asked.processes, asked.again)
    write_tables(read())
    if failed:
        sys.exit(f"{len(failed)} of {len(wanted)} cells failed: {', '.join(cell.name for cell in failed)}")


def _run(wanted: list[Cell], shared: Path, processes: int, again: bool) -> list[Cell]:
    """Run the cells that are missing; those that failed."""
    known = read()
    todo = [cell for cell in wanted if again or cell.name not in known]
    print(f"{len(wanted)} cells, {len(wanted) - len(todo)} of them done", flush=True)
    began, failed = time.monotonic(), list[Cell]()
    with ThreadPoolExecutor(processes) as pool:
        running = {pool.submit(cell.run, shared, partial(_say, cell)): cell for cell in todo}
        for done in as_completed(running):
            cell = running[done]
            try:
                figures = done.result()
            except Exception as error:  # the others are worth having
                failed.append(cell)
                print(f"{cell.name}: {error}", file=sys.stderr, flush=True)
                continue
            add(cell, figures)
            gain = figures["metrics"]["delta_m"]
            print(f"{cell.name}: delta_m {gain:+.2f} % ({time.monotonic() - began:.0f} s since the start)", flush=True)
    return failed


def _say(cell: Cell, line: str) -> None:
    print(f"  {cell.name}: {line}", flush=True)


if __name__ == "__main__":
    main()
