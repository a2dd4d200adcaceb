"""Adapted against from scratch, on the same labels and the same test rows, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtl.adaptation.addition import Means
from mtl.adaptation.learn import Values, learn, predicted, scratch
from mtl.adaptation.rows import LEAST, TaskRows
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.evaluation.bootstrap import Interval, interval
from mtl.evaluation.metrics import gain
from mtl.evaluation.scoring import Scored, score_tasks
from mtl.evaluation.summary import groups_of
from mtl.network import Network
from mtl.spec import OF_CLASSES, Spec, Training

ADAPTED, SCRATCH = "adapted", "scratch"


@dataclass(frozen=True)
class Contest:
    """What is learned, from what, and how it is judged."""

    spec: Spec
    champion: Network
    encodings: Encodings
    task: TaskEncoding
    rows: dict[str, TaskRows]
    """train, valid, test; test without rows that the champion has seen."""
    means: Means = "head"
    rank: int = 4


@dataclass(frozen=True)
class Line:
    """One count of train labels: both sides' metric, the mean over `seeds` draws of the labels; diff is signed so that up
    is better, its interval over test rows."""

    labels: int
    seeds: int
    metric: str
    adapted: float | None
    scratch: float | None
    diff: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def curve(contest: Contest, counts: Sequence[int], seeds: int, said: Callable[[Line], None]) -> list[Line]:
    """A line for each count of labels that is less than train has; `said` gets each as soon as it is known."""
    lines = []
    for count in sorted({count for count in counts if count < len(contest.rows["train"])}):
        lines.append(judged(contest, count, [both(contest, count, seed) for seed in range(seeds)]))
        said(lines[-1])
    return lines


def both(contest: Contest, count: int, seed: int) -> dict[str, Values]:
    """Predictions of test by either side, learned from the same draw of `count` train labels."""
    return {ADAPTED: adapted(contest, count, seed), SCRATCH: from_scratch(contest, count, seed)}


def adapted(contest: Contest, count: int, seed: int) -> Values:
    """Predictions of test, learned on the champion's trunk."""
    train, valid, training = drawn(contest, count, seed)
    learned = learn(contest.champion, contest.task, train, valid, training, means=contest.means, rank=contest.rank)
    return predicted(contest.champion, learned.addition, contest.task, contest.rows["test"])


def from_scratch(contest: Contest, count: int, seed: int) -> Values:
    """Predictions of test by the champion's kind of network, alone."""
    train, valid, training = drawn(contest, count, seed)
    return scratch(contest.encodings, contest.task, train, valid, contest.rows["test"], contest.champion.model, training)


def drawn(contest: Contest, count: int, seed: int) -> tuple[TaskRows, TaskRows, Training]:
    """`count` train rows, valid cut by the same share (to LEAST at least), and the training of this seed."""
    of_classes = contest.task.kind in (*OF_CLASSES, "binary")
    train, valid, training = contest.rows["train"], contest.rows["valid"], contest.spec.training
    left = max(LEAST, round(len(valid) * count / len(train)))
    mine = training.model_copy(update={"seed": training.seed + seed})
    return train.some(count, seed, of_classes), valid.some(left, seed, of_classes), mine


def judged(contest: Contest, count: int, predictions: Sequence[dict[str, Values]]) -> Line:
    """The mean over draws of each side's metric, and of their difference with its paired interval."""
    metric, scored, seeds = contest.task.metric, score(contest, predictions), len(predictions)
    points = {side: [scored.points[f"{side} {seed}"][metric].value for seed in range(seeds)] for side in (ADAPTED, SCRATCH)}
    ours, theirs = (_mean(points[side]) for side in (ADAPTED, SCRATCH))
    if ours is None or theirs is None:
        return Line(count, seeds, metric, ours, theirs, None, None, None)
    draws = [gain(metric, scored.draws[f"{ADAPTED} {s}"][metric], scored.draws[f"{SCRATCH} {s}"][metric]) for s in range(seeds)]
    diff = float(gain(metric, np.asarray(ours), np.asarray(theirs)))
    ends: Interval = interval(np.mean(draws, axis=0), contest.spec.gate.confidence, diff)
    return Line(count, seeds, metric, ours, theirs, diff, ends.low, ends.high)


def score(contest: Contest, predictions: Sequence[dict[str, Values]]) -> Scored:
    """The new task on test for every side and draw ("adapted 0", …), the same resamples for all."""
    task, test = contest.task, contest.rows["test"]
    by_rival = {f"{side} {seed}": {task.name: values} for seed, of in enumerate(predictions) for side, values in of.items()}
    truth = task.truth(test.lists[task.name]) if task.name in test.lists else task.original(test.targets[:, 0])
    (scored,) = score_tasks(
        [task], {task.name: truth}, {task.name: test.labelled[:, 0]}, by_rival,
        resamples=contest.spec.evaluation.resamples, seed=contest.spec.evaluation.seed,
        groups=groups_of(test.keys), wanted={task.name: {task.metric}},
    )  # fmt: skip
    return scored


def _mean(values: Sequence[float | None]) -> float | None:
    """None where one of them is undefined."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
