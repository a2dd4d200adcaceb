"""Reference against batch: everything that both know, as far apart as it is, and whether that is drift.

Drift is a distance above its threshold that chance does not explain: a small batch drifts not by luck, nor a huge one by a trifle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mtl.evaluation.verdicts import holm
from mtl.monitoring import wording
from mtl.monitoring.distances import Counts, js, mean_shift, psi
from mtl.monitoring.parts import Categories, Flags, Numbers, Part, Presence, Vectors
from mtl.monitoring.profile import OfEach, P, Profile
from mtl.monitoring.significance import homogeneity, of_any, of_means
from mtl.spec import Drift, Monitor

TASKS = "tasks."
Aspect = Literal["values", "nulls", "labels", "predictions", "embedding"]
Measure = Literal["psi", "js", "nulls", "mean"]


@dataclass(frozen=True)
class Finding:
    """One comparison. `where`: SOURCE.COLUMN or tasks.NAME; `part`: which input's embedding, or by which source's inputs alone."""

    where: str
    aspect: Aspect
    measure: Measure
    distance: float
    threshold: float
    p: float
    """Of this comparison alone."""
    p_of_all: float
    """Corrected for the number of comparisons (Holm)."""
    drifted: bool
    told: str
    """From what to what."""
    reference: Part
    batch: Part
    part: str = ""

    @property
    def line(self) -> str:
        """For the terminal."""
        of = "" if self.aspect == "values" else f" ({self.aspect}{f' by {self.part}' if self.part else ''})"
        return f"{self.where}{of}: {self.measure} {self.distance:.3f} > {self.threshold:g}; {self.told}"

    def as_json(self) -> dict[str, Any]:
        """Without the counts, which stand in both profiles."""
        return {key: value for key, value in vars(self).items() if key not in ("reference", "batch")}


def compare(reference: Profile, batch: Profile, monitor: Monitor) -> list[Finding]:
    """A finding for each comparison, drifted ones first, then by distance over threshold.

    Compared is what both profiles have, of columns and tasks that are not ignored; nulls where either side has any.
    """
    found = [one for one in _compared(reference, batch, monitor) if one.where not in monitor.ignore]
    together = holm({str(at): one.p for at, one in enumerate(found)})
    level = 1 - monitor.confidence
    judged = [
        replace(one, p_of_all=together[str(at)], drifted=one.distance > one.threshold and together[str(at)] < level)
        for at, one in enumerate(found)
    ]
    return sorted(judged, key=lambda one: (not one.drifted, -one.distance / one.threshold))


def _compared(reference: Profile, batch: Profile, monitor: Monitor) -> Iterator[Finding]:
    for name, part in batch.columns.items():
        if name in reference.columns:
            yield from _column(name, reference.columns[name], part, monitor.thresholds(name))
    for task, part in batch.labels.items():
        if task in reference.labels:
            yield from _values(TASKS + task, "labels", reference.labels[task], part, monitor.thresholds(TASKS + task))
    for _, task, theirs, mine in _pairs(reference.predictions, batch.predictions):
        yield from _values(TASKS + task, "predictions", theirs, mine, monitor.thresholds(TASKS + task))
    for source, task, theirs, mine in _pairs(reference.alone, batch.alone):
        for one in _values(TASKS + task, "predictions", theirs, mine, monitor.thresholds(TASKS + task)):
            yield replace(one, part=f"{source} alone")
    for source, key, before, after in _pairs(reference.embeddings, batch.embeddings):
        yield from _embedding(source, key, before, after, monitor)


def _pairs(reference: OfEach[P], batch: OfEach[P]) -> Iterator[tuple[str, str, P, P]]:
    """Source, name, reference and batch of what both have."""
    for source, of in batch.items():
        for name, part in of.items():
            known = reference.get(source, {}).get(name)
            if known is not None:
                yield source, name, known, part


def _column(name: str, reference: Part, batch: Part, limits: Drift) -> Iterator[Finding]:
    if reference.nulls or batch.nulls:
        shares = [one.nulls / max(1, one.rows) for one in (reference, batch)]
        p = homogeneity(*(np.array([one.nulls, one.known]) for one in (reference, batch)), ordered=False)
        told = wording.of_nulls(reference, batch)
        yield _finding(name, "nulls", "nulls", abs(shares[1] - shares[0]), limits.nulls, p, told, reference, batch)
    if not isinstance(reference, Presence):
        yield from _values(name, "values", reference, batch, limits)


def _values(where: str, aspect: Aspect, reference: Part, batch: Part, limits: Drift) -> Iterator[Finding]:
    """By PSI; categories of a column by the Jensen-Shannon distance. Nothing of a side without a value."""
    if not reference.known or not batch.known or type(reference) is not type(batch):
        return
    before, after = counts_of(reference), counts_of(batch)
    measure: Measure = "js" if isinstance(reference, Categories) and aspect == "values" else "psi"
    if isinstance(reference, Flags):
        p = of_any(before, reference.rows, after, batch.rows)
        distance = max((_one_of_two(r, reference.rows, b, batch.rows) for r, b in zip(before, after, strict=True)), default=0.0)
    else:
        p = homogeneity(before, after, ordered=isinstance(reference, Numbers))
        distance = js(before, after) if measure == "js" else psi(before, after)
    told = wording.of_values(reference, batch)
    yield _finding(where, aspect, measure, distance, getattr(limits, measure), p, told, reference, batch)


def _embedding(source: str, key: str, reference: Vectors, batch: Vectors, monitor: Monitor) -> Iterator[Finding]:
    column, _, name = key.rpartition("@")
    if not reference.known or not batch.known or len(reference.mean) != len(batch.mean):
        return
    where, shift, p = f"{source}.{column}", mean_shift(reference, batch), of_means(reference, batch)
    limit, told = monitor.thresholds(where).mean, wording.of_values(reference, batch)
    yield replace(_finding(where, "embedding", "mean", shift, limit, p, told, reference, batch), part=name)


def counts_of(part: Part) -> Counts:
    """Its counts in one order; of categories those of all other values last."""
    if isinstance(part, Numbers):
        return np.array(part.counts)
    if isinstance(part, Categories):
        return np.array([*part.values.values(), part.other])
    assert isinstance(part, Flags)
    return np.array(list(part.values.values()), np.int64)


def _one_of_two(r: int, of_reference: int, b: int, of_batch: int) -> float:
    return psi(np.array([r, of_reference - r]), np.array([b, of_batch - b]))


def _finding(
    where: str, aspect: Aspect, measure: Measure, distance: float, limit: float, p: float, told: str, reference: Part, batch: Part
) -> Finding:
    return Finding(where, aspect, measure, distance, limit, p, 1.0, False, told, reference, batch)
