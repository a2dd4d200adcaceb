"""What each part of the page shows, from plain figures of versions and history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl.dashboard.drift import Batch
from mtl.dashboard.past import DECISIONS, FATES, SERVES, Fate, fates, reigns, serving
from mtl.dashboard.pictures import Point, over_versions, time_line, told
from mtl.registry.history import Entry
from mtl.registry.lines import moment
from mtl.registry.versions import Registered, Version
from mtl.report.words import is_number, metric, number, percent, signed, signed_interval

MOST_PICTURED, MOST_VERSIONS = 200, 60
"""Tasks with a picture, and versions in one: the newest; with more nobody could tell them apart."""

Figure = Callable[[Version], tuple[float | None, float | None, float | None]]


@dataclass(frozen=True)
class Seen:
    """The registry and the drift reports, with what became of each version."""

    known: Registered
    batches: Sequence[Batch]

    @property
    def fates(self) -> dict[int, Fate]:
        return fates(self.known)

    @property
    def champion(self) -> Version | None:
        return next((one for one in self.known.versions if self.fates[one.number] is SERVES), None)

    @property
    def shown(self) -> tuple[Version, ...]:
        """The versions that pictures show."""
        return self.known.versions[-MOST_VERSIONS:]


def head(seen: Seen) -> dict[str, Any]:
    """The banner and the tiles."""
    champion, known = seen.champion, seen.known
    counts = Counter(entry.event for entry in known.history)
    last = known.history[-1] if known.history else None
    since = next((one.start for one in reversed(reigns(known.history)) if champion and one.version == champion.number), None)
    metrics: Mapping[str, Any] = champion.metrics if champion else {}
    newest = list(known.versions[-1].sources.values()) if known.versions else []
    kept, whole, out = (sum(_number(one.get(key)) or 0 for one in newest) for key in ("rows_kept", "rows_in", "rows_quarantined"))
    return {
        "champion": champion, "since": moment(since) if since else "", "last": last and _decision(last, known),
        "delta": signed(metrics.get("delta_m")), "has_delta": is_number(metrics.get("delta_m")),
        "interval": signed_interval(metrics.get("delta_m_low"), metrics.get("delta_m_high")),
        "versions": len(known.versions), "counts": [(one.name, counts.get(event, 0)) for event, one in DECISIONS.items()],
        "rows": int(kept), "rate": percent(out / whole, 2) if whole else "", "drift": seen.batches[-1] if seen.batches else None,
    }  # fmt: skip


def champions(seen: Seen) -> dict[str, Any] | None:
    """The time line; nothing before the first decision."""
    history = seen.known.history
    if not history:
        return None
    last = max([history[-1].at, *(one.made for one in seen.known.versions)])
    marks = [(entry.at, DECISIONS[entry.event], f"{moment(entry.at)}: {_sentence(entry)}") for entry in history]
    turns = reigns(history)
    label = "; ".join(f"version {one.version} from {moment(one.start)}" for one in turns) or "no champion"
    return {"picture": time_line(f"Champions: {label}", turns, marks, last), "decisions": list(DECISIONS.values())}


def _sentence(entry: Entry) -> str:
    if entry.event == "rolled back":
        return f"version {entry.before} was rolled back, version {entry.version} is champion again"
    return f"version {entry.version} was {DECISIONS[entry.event].name}"


def metrics(seen: Seen) -> dict[str, Any]:
    """A picture for the mean gain and one for each task of the newest version or the champion; older tasks last."""
    named: dict[str, Mapping[str, Any]] = {}
    for version in [*([seen.champion] if seen.champion else []), *reversed(seen.known.versions)]:
        for name, one in version.tasks.items():
            named.setdefault(name, one)
    mean = _picture(
        seen, "mean gain over single-task networks", lambda v: _three(v.metrics, "delta_m", "delta_m_low", "delta_m_high"), of=0.01
    )
    tasks = [_task(seen, name, one) for name, one in list(named.items())[:MOST_PICTURED]]
    more = max(len(named) - MOST_PICTURED, 0)
    return {"fates": FATES, "mean": mean, "tasks": tasks, "many": len(named), "shown": len(seen.shown), "left_out": more}


def _task(seen: Seen, name: str, newest: Mapping[str, Any]) -> dict[str, Any]:
    own = str(newest.get("metric"))

    def figure(version: Version) -> tuple[float | None, float | None, float | None]:
        one = version.tasks.get(name) or {}
        return _three(one, "value", "ci_low", "ci_high") if one.get("metric") == own else (None, None, None)

    champion = seen.champion
    now = told(*figure(champion)) if champion and champion.tasks.get(name) else "not a task of the champion"
    return {"name": name, "metric": metric(own), "now": now, "picture": _picture(seen, f"{name}, {metric(own)}", figure)}


def data(seen: Seen) -> list[dict[str, Any]]:
    """Two pictures for each source: rows that were kept, and the share that was put into quarantine."""
    names = dict.fromkeys(name for version in reversed(seen.known.versions) for name in version.sources)
    return [_source(seen, name) for name in names]


def _source(seen: Seen, name: str) -> dict[str, Any]:
    newest = next(version.sources[name] for version in reversed(seen.known.versions) if name in version.sources)

    def rows(version: Version) -> tuple[float | None, None, None]:
        return _number((version.sources.get(name) or {}).get("rows_kept")), None, None

    def share(version: Version) -> tuple[float | None, None, None]:
        return _rate(version.sources.get(name) or {}), None, None

    rates = [rate for version in seen.shown if (rate := share(version)[0]) is not None]
    labels = newest.get("labels_quarantined")
    return {
        "name": name, "rows": number(newest.get("rows_kept")), "rate": percent(_rate(newest), 2), "labels": number(labels or 0),
        "has_labels": bool(labels), "picture": _picture(seen, f"{name}: rows kept", rows, zero=True),
        "quarantine": _picture(seen, f"{name}: share in quarantine", share, share=True, zero=True) if any(rates) else None,
        "known": bool(rates),
    }  # fmt: skip


def _rate(counts: Mapping[str, Any]) -> float | None:
    whole, out = _number(counts.get("rows_in")), _number(counts.get("rows_quarantined"))
    return None if not whole or out is None else out / whole


def cost(seen: Seen) -> list[dict[str, Any]]:
    """Seconds of training, and parameters."""
    asked = (("Training, seconds", "train_seconds"), ("Parameters", "parameters"), ("Prediction, µs a row", "predict_us_per_row"))
    found = []
    for title, key in asked:

        def figure(version: Version, key: str = key) -> tuple[float | None, None, None]:
            return _number(((version.figures.get("cost") or {}).get(key) or {}).get("model")), None, None

        newest = next((v for v in reversed([figure(version)[0] for version in seen.known.versions]) if v is not None), None)
        if newest is not None:
            found.append({"title": title, "newest": number(newest, 1), "picture": _picture(seen, title, figure, zero=True)})
    return found


def decisions(seen: Seen) -> list[dict[str, Any]]:
    """Every decision, the newest first."""
    return [_decision(entry, seen.known) for entry in reversed(seen.known.history)]


def _decision(entry: Entry, known: Registered) -> dict[str, Any]:
    met = "no champion before" if entry.before is None else f"champion was {entry.before}"
    met = f"again, in place of {entry.before}" if entry.event == "rolled back" else met
    one = DECISIONS[entry.event]
    lineage = getattr(known.version(entry.version), "lineage", {})
    return {
        "at": moment(entry.at), "version": entry.version, "fate": one, "sentence": _sentence(entry), "met": met,
        "reasons": list(entry.reasons), "run": lineage.get("flow_run") or "",
        "git": str((lineage.get("git") or {}).get("revision") or "")[:10],
    }  # fmt: skip


def drift(seen: Seen) -> list[Batch]:
    """Every batch that was compared with a champion's reference, the newest first."""
    return list(reversed(seen.batches))


def _picture(seen: Seen, label: str, figure: Figure, *, share: bool = False, zero: bool = False, of: float = 1.0) -> Any:
    """`figure` of every version; `of`: what it is to be multiplied by (percent that are told as a share)."""
    share = share or of != 1.0
    become = seen.fates
    by_number = {v.number: [None if one is None else one * of for one in figure(v)] for v in seen.shown}
    points = [
        Point(value, low, high, become[n], f"version {n}, {become[n].name}: {told(value, low, high, share)}")
        for n, (value, low, high) in by_number.items()
    ]
    champion = serving(seen.known)
    line = [by_number[champion[n]][0] if champion.get(n) in by_number else None for n in by_number]
    return over_versions(label, list(by_number), points, line, share=share, zero=zero)


def _three(one: Mapping[str, Any], *keys: str) -> tuple[float | None, float | None, float | None]:
    value, low, high = (_number(one.get(key)) for key in keys)
    return value, low, high


def _number(value: Any) -> float | None:
    return float(value) if is_number(value) else None
