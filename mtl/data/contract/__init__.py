"""Keeping a source's contract: cast, check every cell, quarantine, derive, expect; `validate_source` is the whole."""

from mtl.data.contract.report import Validation
from mtl.data.contract.validate import validate_source

__all__ = ["Validation", "validate_source"]
