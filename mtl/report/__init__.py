"""The report: one self-contained HTML page of everything a run found out."""

from mtl.report.page import write_report

__all__ = ["write_report"]
