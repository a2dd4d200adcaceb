"""`mtl report`: everything under reports/ as one page -> reports/report.html, and beside the version in the registry."""

from __future__ import annotations

from pathlib import Path

from mtl.layout import ENCODING_REPORT, EVALUATION, METRICS, REPORT
from mtl.registry.verbs import attach_report
from mtl.report import write_report
from mtl.spec import read_spec
from mtl.stages._needs import need


def run() -> str:
    need("report", ENCODING_REPORT, METRICS, EVALUATION)
    spec = read_spec()
    write_report(Path(), spec, REPORT)
    return f"{REPORT}{', kept with its version in the registry' if attach_report(Path(), spec) else ''}"
