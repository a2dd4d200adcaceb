"""`mtl report`: everything under reports/ as one page -> reports/report.html."""

from __future__ import annotations

from pathlib import Path

from mtl.layout import ENCODING_REPORT, EVALUATION, METRICS, REPORT
from mtl.report import write_report
from mtl.spec import read_spec
from mtl.stages._needs import need


def run() -> str:
    need("report", ENCODING_REPORT, METRICS, EVALUATION)
    write_report(Path(), read_spec(), REPORT)
    return str(REPORT)
