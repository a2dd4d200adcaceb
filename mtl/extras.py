"""Packages that not every project needs: imported when they are, and named with their `pip install` when they are not there."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mtl.errors import MtlError

EXTRAS = {"transformers": "transformers>=5.20,<6"}
"""Module -> what pip installs, as pyproject.toml says it."""


def extra(module: str, wanted_by: str) -> Any:
    """The module. Raises MtlError, one line, if its package is not installed."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise MtlError(f"{wanted_by} needs a package that is not installed: pip install '{EXTRAS[module]}'") from None


def installed(module: str) -> str:
    """The version of its package, for a key of what its code makes; empty if it is not installed."""
    try:
        return version(module)
    except PackageNotFoundError:
        return ""
