"""Drift: what the champion was trained on, counted once at its registration, against what arrives now."""

from mtl.layout import REPORTS

MONITORING = REPORTS / "monitoring"
"""A report and a page of each batch."""
