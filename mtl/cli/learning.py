"""Verbs that learn beside the graph: search for a better spec, add a task to the champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mtl.cli.app import app, words
from mtl.errors import SpecError


@app.command()
def tune(
    trials: Annotated[int | None, typer.Option(min=1, help="How many in all; earlier ones of the same search count.")] = None,
    folds: Annotated[int | None, typer.Option(min=0, help="Cross-validate over so many folds; 0: on the valid split.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Trials that run side by side.")] = None,
    timeout: Annotated[float | None, typer.Option(min=1, help="Seconds after which no further trial begins.")] = None,
    fresh: Annotated[bool, typer.Option(help="Forget the trials of this search and begin anew.")] = False,
    apply: Annotated[bool, typer.Option(help="Write the best spec to params.yaml.")] = False,
) -> None:
    """Search over the spec (params.yaml, section tune) for a better one; print it as a diff."""
    from mtl.orchestration.current import must_be_current
    from mtl.spec import read_spec
    from mtl.tuning.tune import Asked, tune

    must_be_current(Path(), "choose" if read_spec().model.sharing == "auto" else "align")
    if not tune(Asked(trials, folds, processes, timeout, fresh, apply)):
        raise typer.Exit(130)


@app.command()
def adapt(
    task: Annotated[str, typer.Option("--task", help="A task of params.yaml that the champion does not know.")],
    means: Annotated[
        str, typer.Option("--with", help="What learns: head; embedding (the task's own part, by sharing); low_rank.")
    ] = "head",
    labels: Annotated[str, typer.Option(help="Counts of labels to compare with training from scratch at: 50,200,1000.")] = "",
    rank: Annotated[int, typer.Option(min=1, help="Rank of --with low_rank.")] = 4,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of the labels at each count.")] = 5,
) -> None:
    """Add a new task to the champion, whose own tasks stay as they are, to the bit."""
    from mtl.adaptation.run import adapt, means_of
    from mtl.orchestration.current import must_be_current

    of, counts = means_of(means), _counts(labels)  # what was mistyped is said first
    must_be_current(Path(), "split")
    adapt(Path(), task, of, counts, rank=rank, seeds=seeds)


def _counts(text: str) -> list[int]:
    wrong = [word for word in words(text) if not word.isdecimal() or int(word) < 2]
    if wrong:
        raise SpecError("--labels", expected="counts of at least 2 separated by commas", found=wrong[0], do="write 50,200,1000")
    return [int(word) for word in words(text)]
