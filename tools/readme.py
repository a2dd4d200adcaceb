"""Put the table of a run into the READMEs that show it, between their result marks.

make readme                                       # the root's own run, after `make run`: both READMEs and examples/nhanes
python tools/readme.py census ../my-census        # the run of an example, in the folder that `mtl init` has made
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from mtl.evaluation.plain import plain_rival  # noqa: E402
from mtl.layout import COST, ENCODING_REPORT, METRICS  # noqa: E402
from mtl.orchestration.stage import LOGS  # noqa: E402

MARKED = re.compile(r"<!-- results -->.*?<!-- /results -->", re.DOTALL)
OWN, OF_ROOT = ("README.md", "README.zh-CN.md"), "nhanes"
"""The READMEs of the root's own run, and the example that this run is."""
SECONDS = re.compile(r"\((\d+\.\d) s\)$")
"""How a stage ends its last line."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", nargs="?", default=OF_ROOT)
    parser.add_argument("run", nargs="?", type=Path, default=ROOT, help="the folder that was run")
    asked = parser.parse_args()
    table = _table(asked.run)
    if asked.run == ROOT:
        for file in OWN:
            _write(ROOT / file, table)
    _write(ROOT / "examples" / asked.example / "README.md", f"{table}\n\n{_spent(asked.run)}")


def _write(file: Path, said: str) -> None:
    marked = f"<!-- results -->\n{said}\n<!-- /results -->"
    text, found = MARKED.subn(lambda _: marked, file.read_text(encoding="utf-8"))
    if not found:
        sys.exit(f"{file}: no <!-- results --> … <!-- /results --> to write between")
    file.write_text(text, encoding="utf-8")


def _table(run: Path) -> str:
    metrics, rival = _read(run / METRICS), plain_rival(_read(run / ENCODING_REPORT))[1]
    columns = ("task", "metric", "this model", "single-task", rival, "delta, % (95 %)", "verdict")
    rows = [_row(name, task) for name, task in metrics["tasks"].items()]
    mean = _interval(metrics["delta_m"], metrics["delta_m_low"], metrics["delta_m_high"])
    head = f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}"
    return "\n".join([head, *rows, f"| mean (`delta_m`) | | | | | {mean} | |"])


def _row(name: str, task: dict[str, Any]) -> str:
    figures = " | ".join("–" if task[rival] is None else f"{task[rival]:.3f}" for rival in ("value", "single_task", "trees"))
    delta = _interval(task["delta_pct"], task["delta_low"], task["delta_high"])
    return f"| {name} | {task['metric']} | {figures} | {delta} | {task['verdict']} |"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return "–" if value is None or low is None or high is None else f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _spent(run: Path) -> str:
    """What it took, by the stages' own words."""
    last = [log.read_text(encoding="utf-8").strip().splitlines()[-1:] for log in sorted((run / LOGS).glob("*.log"))]
    stages = sum(float(found[1]) for lines in last for line in lines if (found := SECONDS.search(line)))
    cost = _read(run / COST)["train_seconds"]
    taught = ", which the single-task networks teach" if cost.get("taught") else ""
    return (
        f"On 2 cores all stages together take {stages / 60:.0f} minutes, most of them two at a time: "
        f"{cost['model']:.0f} s for the shared network{taught}, {cost['single_task']:.0f} s for the single-task networks."
    )


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
