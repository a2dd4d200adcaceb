"""How often a training has seen each task's labels: a small task's rows may come many times while a large one's come once."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

DIGITS = 3
"""Decimals that are kept."""

Seen = dict[str, dict[str, float]]
"""Task → labels (in train), an_epoch (how often each was seen in one, the mean over its epochs), to_best (up to the epoch whose
weights were kept)."""


def seen_of(history: pl.DataFrame, best_epoch: Mapping[str, int], labels: Mapping[str, int]) -> Seen:
    """From a run's history (`mtl.training.fit.HISTORY`), each task's best epoch and its labels in train."""
    found: Seen = {}
    for task, count in labels.items():
        mine = history.filter(pl.col("task") == task)
        to_best = mine.filter(pl.col("epoch") <= best_epoch[task])
        times = [float(part["labels"].sum()) / max(1, count) for part in (mine, to_best)]
        an_epoch = times[0] / max(1, mine.height)
        found[task] = {"labels": count, "an_epoch": round(an_epoch, DIGITS), "to_best": round(times[1], DIGITS)}
    return found


def told(seen: Seen, sampler: str) -> str:
    """Whose labels were seen least and most in an epoch, to stand behind other words; nothing for the plain shuffle, where all
    are seen once."""
    if sampler == "proportional":
        return ""
    each = {task: of["an_epoch"] for task, of in seen.items()}
    least, most = min(each, key=each.__getitem__), max(each, key=each.__getitem__)
    if each[least] == each[most]:
        return f"; {sampler}: every label seen ×{each[most]:.3g} an epoch"
    return f"; {sampler}: labels seen ×{each[least]:.3g} ({least}) to ×{each[most]:.3g} ({most}) an epoch"
