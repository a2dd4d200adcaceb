"""The page about one batch: reports/monitoring/SOURCE-DATE-HASH.html, which loads nothing from anywhere."""

from mtl.monitoring.page.page import write_page

__all__ = ["write_page"]
