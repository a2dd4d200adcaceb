"""choose: from aligned train and valid to a choice, within the spec's budget of trainings.

1. All tasks together and each alone, on every fold of train; what each task gains by sharing, and how their steps
   affect each other's losses (lookahead affinity).
2. While the budget lasts, the alternative that these figures make the most of: without those that lose, other sharings,
   losing tasks heavier, groups of affine tasks.
3. Of all ways to put the trunks tried into one network, the best by mean gain in which no task is clearly worse than alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtl.choosing.choice import Choice, heavier
from mtl.choosing.folds import folds_of
from mtl.choosing.gains import Array, Gain
from mtl.choosing.mixes import Mix, best_of, mixes_of, trunks_of
from mtl.choosing.propose import proposals
from mtl.choosing.training import Tell, Workers
from mtl.choosing.trials import Alternative, Trial, Trials
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.spec import Spec

DIGITS = 4
"""Decimals that are kept."""


def choose(
    spec: Spec,
    encodings: Encodings,
    train: AlignedSet,
    valid: AlignedSet,
    *,
    key: str = "",
    checkpoints: Path | None = None,
    scratch: Path | None = None,
    progress: Tell | None = None,
) -> Choice:
    """Decide. The same arguments on the same machine give the same choice, also after a kill: `key` is a hash of `train`
    and `valid`, `checkpoints` and `scratch` are folders for what a run that was cut short goes on from."""
    auto, names = spec.model.auto, [task.name for task in encodings.tasks]
    if len(names) < 2:
        return Choice("auto", "shared_bottom", why="there is one task only", tasks=tuple(names))
    folds = folds_of(train, valid, min(auto.folds, auto.budget // 2))
    workers = Workers(train, valid, folds, progress)
    trials = Trials(encodings, spec.model, spec.training, workers, key, checkpoints, scratch)
    try:
        return _search(spec, trials, names)
    finally:
        workers.close()


def _search(spec: Spec, trials: Trials, names: list[str]) -> Choice:
    auto, folds = spec.model.auto, trials.workers.folds
    tried = [trials.run(Alternative("shared_bottom", (tuple(names),)))]
    affinity, weights = mean_matrix(tried[0].related, "affinity", len(names)), _weights(spec, trials.encodings)
    best = best_of(mixes_of(names, trunks_of(tried)), len(folds))
    while trials.trained + len(folds) <= auto.budget:
        asked = (one for one in proposals(names, tried, best, affinity, auto.also, weights) if one not in [t.of for t in tried])
        following = next(asked, None)
        if following is None:
            break
        tried.append(trials.run(following))
        best = best_of(mixes_of(names, trunks_of(tried)), len(folds))
    budget = {"trainings": auto.budget, "used": trials.trained, "folds": len(folds)}
    return _told(names, tried, best, budget)


def _weights(spec: Spec, encodings: Encodings) -> dict[str, float]:
    """λ of now: none where the balancing finds its own, or where a weight says whose rows come how often too."""
    if spec.training.balancing not in ("equal", "fixed") or spec.training.sampler == "by_weight":
        return {}
    return {task.name: task.weight if spec.training.balancing == "fixed" else 1.0 for task in encodings.tasks}


def mean_matrix(seen: Sequence[dict[str, Any]], what: str, tasks: int) -> Array:
    """[task, task]: the mean over folds of a matrix of relatedness, NaN where no fold knows it."""
    if not seen:
        return np.full((tasks, tasks), np.nan)
    each = np.array([one[what] for one in seen], np.float64)
    known = np.isfinite(each)
    total, count = np.where(known, each, 0.0).sum(0), known.sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _told(names: Sequence[str], tried: Sequence[Trial], best: Mix, budget: dict[str, int]) -> Choice:
    mixes = [*(Mix(tuple(names), tuple(trunks_of([trial]))) for trial in tried), Mix(tuple(names), ())]
    if all(mix.groups != best.groups or mix.weights != best.weights or mix.sharing != best.sharing for mix in mixes):
        mixes.append(best)
    seen = tried[0].related
    alternatives = [_row(mix, best, budget["folds"]) for mix in mixes]
    matrices = {what: _plain(mean_matrix(seen, what, len(names))) for what in ("affinity", "cosine", "conflicts")} if seen else {}
    return Choice(
        "auto", best.sharing, best.groups, best.weights, _why(best), tuple(names), budget, tuple(alternatives), matrices
    )  # fmt: skip


def _row(mix: Mix, best: Mix, folds: int) -> dict[str, Any]:
    means = mix.folds(folds)
    error = float(means.std(ddof=1)) / len(means) ** 0.5 if len(means) > 1 else None
    same = (mix.sharing, mix.groups, mix.weights) == (best.sharing, best.groups, best.weights)
    return {
        "sharing": mix.sharing, "groups": mix.groups, "weights": mix.weights, "alone": mix.alone, "networks": mix.networks,
        "score": round(mix.score, DIGITS), "error": None if error is None else round(error, DIGITS),
        "hurt": mix.hurt, "heavier": heavier(mix.weights), "chosen": same,
        "tasks": {name: _gain(gain) for name, gain in mix.gains.items()},
    }  # fmt: skip


def _gain(gain: Gain) -> dict[str, float | None]:
    fields = ("value", "error", "likely", "doubt", "loss", "alone") if gain.loss is not None else ("likely", "doubt")
    return {field: round(getattr(gain, field), DIGITS) for field in fields}


def _why(best: Mix) -> str:
    """The decision in a sentence."""
    if not best.trunks:
        return "No way of sharing that was tried beats a network for each task without making one of them clearly worse."
    gain = f"{best.score:+.2f} % of the loss alone, mean over tasks".replace("-", "−")
    if best.networks == 1:
        more = f", with a heavier loss for {', '.join(heavier(best.weights))}" if best.weights else ""
        return f"All tasks together ({best.sharing.replace('_', ' ')}{more}): {gain}, none clearly worse than alone."
    parts = [f"{len(trunk.tasks)} tasks share a trunk" for trunk in best.trunks]
    parts += [f"{', '.join(best.alone)} {'stands' if len(best.alone) == 1 else 'stand'} alone"] if best.alone else []
    return f"{'; '.join(parts)}: {gain}, none clearly worse than alone."


def _plain(matrix: Array) -> list[list[float | None]]:
    return [[round(float(v), 6) + 0.0 if np.isfinite(v) else None for v in row] for row in matrix]
