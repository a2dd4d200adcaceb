"""How the page writes numbers, and the sentences that say what a verdict means."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

NOTHING = "–"

METRIC_NAMES = {
    "r2": "R²",
    "auc": "AUC",
    "qwk": "quadratic kappa",
    "map": "mean average precision",
    "span_f1": "F1 of spans",
    "span_precision": "precision of spans",
    "span_recall": "recall of spans",
    "row_accuracy": "rows without an error",
    "f1_micro": "micro F1",
    "f1_macro": "macro F1",
    "recall_at_10": "recall at 10",
    "recall_at_1": "recall at 1",
    "mrr": "mean reciprocal rank",
    "mae": "MAE",
    "rmse": "RMSE",
    "f1": "F1",
    "average_precision": "average precision",
    "log_loss": "log-loss",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "accuracy": "accuracy",
    "correlation": "correlation",
    "d2": "D²",
    "deviance": "Poisson deviance",
    "pinball": "pinball loss",
    "coverage_error": "coverage error",
}

IN_UNIT = frozenset({"mae", "rmse", "pinball"})
"""Metrics that carry the unit of a regression target."""

RIVALS = ("single_task", "trees")


@dataclass(frozen=True)
class Verdict:
    """A verdict as the page shows it: never by its colour alone."""

    name: str
    css: str
    sign: str
    meaning: str


VERDICTS = {
    v.name: v
    for v in (
        Verdict("better", "better", "▲", "this model beats the rival on the same test rows by more than chance explains."),
        Verdict("no worse", "no-worse", "●", "a loss beyond the tolerance is ruled out; whether there is a gain stays open."),
        Verdict(
            "cannot tell",
            "cannot-tell",
            "?",
            "the test rows are too few to show a gain or a loss, or to rule out a loss that matters.",
        ),
        Verdict("worse", "worse", "▼", "the rival wins by more than chance explains, and its lead may exceed the tolerance."),
    )
}
"""In the order in which counts are shown."""

UNDEFINED = Verdict("undefined", "undefined", "–", "the metric has no value on these test rows.")


def verdict(name: Any) -> Verdict:
    return VERDICTS.get(str(name), UNDEFINED)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def number(value: Any, digits: int = 3) -> str:
    """`value` for reading: 0.397, 12.4, 1,402,113; a dash where there is none."""
    if not is_number(value):
        return NOTHING if value is None or isinstance(value, float) else str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    decimals = digits if abs(value) < 10 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}".replace("-", "−")


def signed(value: Any, digits: int = 1) -> str:
    """A difference with its sign: +2.1, −0.4."""
    if not is_number(value):
        return NOTHING
    rounded = round(float(value), digits) + 0.0
    return f"{rounded:+,.{digits}f}".replace("-", "−") if rounded else f"{0:.{digits}f}"


def percent(value: Any, digits: int = 1) -> str:
    """A share as percent: 0.021 → 2.1 %."""
    return f"{value * 100:.{digits}f} %".replace("-", "−") if is_number(value) else NOTHING


def interval(low: Any, high: Any, digits: int = 3) -> str:
    """[low, high], or nothing where one is missing."""
    return f"[{number(low, digits)}, {number(high, digits)}]" if is_number(low) and is_number(high) else ""


def signed_interval(low: Any, high: Any, digits: int = 1) -> str:
    return f"[{signed(low, digits)}, {signed(high, digits)}]" if is_number(low) and is_number(high) else ""


def metric(name: Any) -> str:
    return METRIC_NAMES.get(str(name), str(name).replace("_", " "))


def size(value: Any) -> str:
    """Bytes for reading: 12.3 kB."""
    if not is_number(value):
        return NOTHING
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def shortened(name: str, most: int) -> str:
    """`name` in `most` characters, its middle left out: tasks made of one column differ at their ends."""
    if len(name) <= most:
        return name
    head = (most - 1) // 2
    return f"{name[:head]}…{name[len(name) - (most - 1 - head) :]}"


def count_of(many: int, one: str, more: str = "") -> str:
    """1 task, 2 tasks."""
    return f"{many:,} {one if many == 1 else more or one + 's'}"
