"""What the plain rival is called: what a user would pick instead depends on what the inputs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TREES, LINEAR, EITHER = (
    ("trees", "boosted trees"),
    ("TF-IDF", "TF-IDF with a linear model"),
    ("trees or TF-IDF", "boosted trees, or TF-IDF with a linear model"),
)


def plain_rival(encoding: Mapping[str, Any]) -> tuple[str, str]:
    """Its name in a heading and in a sentence; `encoding` is what the stage `encode` reported."""
    kinds = {one.get("kind") for one in (encoding.get("inputs") or {}).values()}
    return TREES if "text" not in kinds else LINEAR if kinds == {"text"} else EITHER
