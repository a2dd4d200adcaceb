"""Registries as the dashboard reads them, of any number of versions, without a registry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mtl.registry.history import Entry, Event
from mtl.registry.versions import Registered, Version

TASKS = ("systolic_bp", "hba1c", "diabetes", "asthma", "general_health", "total_cholesterol")
SOURCES = {"people": 8000, "laboratory": 7500, "questionnaire": 8300}
BEGIN = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


def moment(days: float) -> str:
    return (BEGIN + timedelta(days=days)).isoformat(timespec="seconds")


def version(number: int, days: float, tasks: tuple[str, ...] = TASKS) -> Version:
    random = np.random.default_rng(number)
    told: dict[str, Any] = {}
    for at, name in enumerate(tasks):
        value = 0.42 + 0.06 * at + 0.004 * number + random.normal(0, 0.012)
        told[name] = {"metric": "auc" if at % 2 else "r2", "value": value, "ci_low": value - 0.03, "ci_high": value + 0.028}
    gain = 1.4 + 0.05 * number + random.normal(0, 0.3)
    metrics = {"tasks": told, "delta_m": gain, "delta_m_low": gain - 1, "delta_m_high": gain + 1.1}
    sources = {
        name: {
            "rows_in": rows + 40 * number + 31, "rows_kept": rows + 40 * number, "rows_quarantined": 31 + 3 * (number % 5),
            "labels_quarantined": number % 3,
        }
        for name, rows in SOURCES.items()
    }  # fmt: skip
    cost = {"train_seconds": {"model": 80 + 2 * number}, "parameters": {"model": 225_875}}
    lineage = {"git": {"revision": f"{number:040x}"[::-1], "dirty": False}, "flow_run": f"brave-fox-{number}"}
    return Version(number, moment(days), "run", {}, metrics, {}, lineage, {"sources": sources, "cost": cost})


def registered(many: int, tasks: tuple[str, ...] = TASKS) -> Registered:
    """A version a week; every third is refused, the one before the last is rolled back where there are five."""
    versions = tuple(version(number, 7.0 * number, tasks) for number in range(1, many + 1))
    history: list[Entry] = []
    champion: int | None = None

    def said(event: Event, number: int, days: float, *reasons: str) -> None:
        history.append(Entry(event, number, champion, reasons, moment(days)))

    for one in versions:
        if one.number % 3 == 0:
            said(
                "rejected", one.number, 7.0 * one.number, f"{tasks[0]} is worse against the champion (difference -0.021)", "a floor"
            )
            continue
        said("promoted", one.number, 7.0 * one.number, "every rule of the gate holds (14)")
        before, champion = champion, one.number
        if many >= 5 and one.number == many - 1 and before is not None:
            said("rolled back", before, 7.0 * one.number + 2, "recall fell in production")
            champion = before
    return Registered("nhanes", versions, tuple(history), {"champion": champion} if champion else {})


@pytest.fixture(scope="session")
def registry() -> Callable[..., Registered]:
    return registered
