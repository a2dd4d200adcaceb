"""A task that was held out, adapted to the champion of the others, against training it from scratch on the same labels.

    python -m benchmarks.adapt [--tasks hdl_cholesterol,arthritis] [--with head,low_rank] [--labels 50,200,1000] [--seeds 5]

Run it in a project after `mtl run`: it reads data/aligned and models/encodings, takes one task's labels out, trains the
model of params.yaml on all others and adapts it, as `mtl adapt` does. Each count of labels is drawn `seeds` times, valid is
cut by the same share (to 20 labels at least); figures are means over draws on all of test, with the paired interval of
the difference over test rows. It writes a section of benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.results import Section, table, write
from mtl.adaptation.addition import Means
from mtl.adaptation.judge import ADAPTED, SCRATCH, Contest, Line, adapted, from_scratch, judged
from mtl.adaptation.rows import TaskRows
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.layout import ALIGNED, ENCODINGS, SPLITS
from mtl.network import Network
from mtl.spec import Spec, read_spec
from mtl.training import fit


def without(encodings: Encodings, sets: dict[str, AlignedSet], name: str) -> tuple[Encodings, dict[str, AlignedSet]]:
    """Everything but one task."""
    kept = [place for place, task in enumerate(encodings.tasks) if task.name != name]
    tasks = tuple(encodings.tasks[place] for place in kept)
    cut = {
        side: replace(
            one,
            targets=np.asarray(one.targets[:, kept]),
            labelled=np.asarray(one.labelled[:, kept]),
            tasks=tuple(t.name for t in tasks),
        )
        for side, one in sets.items()
    }
    return replace(encodings, tasks=tasks), cut


def rows_of(one: AlignedSet, task: TaskEncoding) -> TaskRows:
    """The rows that have a label of the task."""
    column = one.tasks.index(task.name)
    rows = np.flatnonzero(one.labelled[:, column])
    inputs = {name: {part: np.asarray(array)[rows] for part, array in of.items()} for name, of in one.inputs.items()}
    return TaskRows(inputs, np.asarray(one.targets[rows, column])[:, None], one.keys()[rows])


def held_out(
    spec: Spec, encodings: Encodings, sets: dict[str, AlignedSet], name: str
) -> tuple[Network, TaskEncoding, dict[str, TaskRows]]:
    """The champion of all other tasks, the task, and its rows of each split."""
    task = next(task for task in encodings.tasks if task.name == name)
    others, cut = without(encodings, sets, name)
    sharing = "shared_bottom" if spec.model.sharing == "auto" else spec.model.sharing  # what is chosen depends on the tasks
    model = spec.model.model_copy(update={"sharing": sharing})
    champion = fit(others, cut["train"], cut["valid"], model, spec.training).network
    return champion, task, {side: rows_of(sets[side], task) for side in SPLITS}


def lines(contest: Contest, means: Sequence[Means], counts: Sequence[int], seeds: int) -> Iterator[tuple[str, Line]]:
    """For each count a line for each of `means`; the rival from scratch is trained once for all of them."""
    for count in counts:
        draws = range(seeds if count < len(contest.rows["train"]) else 1)
        theirs = [from_scratch(contest, count, seed) for seed in draws]
        for one in means:
            mine = replace(contest, means=one)
            ours = [adapted(mine, count, seed) for seed in draws]
            yield one, judged(mine, count, [{ADAPTED: a, SCRATCH: b} for a, b in zip(ours, theirs, strict=True)])


def row(line: Line, task: str, means: str) -> list[str]:
    difference = f"**{line.diff:+.3f}** ({line.low:+.3f} … {line.high:+.3f})"
    return [f"{task} ({line.metric})", f"{line.labels:,}", means, f"{line.adapted:.3f}", f"{line.scratch:.3f}", difference]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--tasks", default="hdl_cholesterol,arthritis")
    asked.add_argument("--with", dest="means", default="head,low_rank")
    asked.add_argument("--labels", default="50,200,1000")
    asked.add_argument("--seeds", type=int, default=5)
    said = asked.parse_args()
    spec, encodings = read_spec(Path("params.yaml")), Encodings.read(ENCODINGS)
    sets = {side: AlignedSet.read(ALIGNED / side) for side in SPLITS}
    means = [one for one in get_args(Means) if one in said.means.split(",")]
    found = []
    for name in said.tasks.split(","):
        champion, task, rows = held_out(spec, encodings, sets, name)
        contest = Contest(spec, champion, encodings, task, rows)
        counts = [*(int(text) for text in said.labels.split(",")), len(rows["train"])]
        for one, line in lines(contest, means, counts, said.seeds):
            found.append(row(line, name, one))
            print(" | ".join(found[-1]), flush=True)
    command = shlex.join(["python", "-m", "benchmarks.adapt", *sys.argv[1:]])
    write(Section("adapt", "A new task on the champion", command, _body(found, said.seeds)))


def _body(rows: Sequence[Sequence[str]], seeds: int) -> str:
    said = (
        "NHANES: one task's labels are taken out, the model of `params.yaml` (one trunk for all) is trained on all others, and "
        "the task is then added as `mtl adapt` does, against a network of its own from scratch on the same labels. Figures on "
        f"all of test; each count of labels is the mean over {seeds} draws, the last one of each task has them all; difference "
        "with its paired 95 % interval."
    )
    return f"{said}\n\n{table(['task', 'labels', 'what learns', 'adapted', 'from scratch', 'difference'], rows)}"


if __name__ == "__main__":
    main()
