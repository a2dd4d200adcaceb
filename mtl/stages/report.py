"""`mtl report`: everything under reports/ as one page -> reports/report.html."""

from __future__ import annotations

from pathlib import Path

from mtl.layout import REPORT
from mtl.report import write_report
from mtl.spec import read_spec


def run() -> str:
    write_report(Path(), read_spec(), REPORT)
    return str(REPORT)
