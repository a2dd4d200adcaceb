"""What the plain rival is called: what a user would pick instead depends on what the inputs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LINEAR = {
    "text": "TF-IDF", "tokens": "TF-IDF", "pretrained_tokens": "TF-IDF", "pretrained_vector": "frozen vectors", "audio": "MFCCs",
}  # fmt: skip
"""Kind of an input -> what a linear model is told of it; of inputs of other kinds, where there is none of these, others read."""
TAGGED = "tagging"
"""Kind of a task whose rival reads tokens."""
KERNEL = "image"
"""Kind of an input that a support vector machine reads."""


def plain_rival(encoding: Mapping[str, Any]) -> tuple[str, str]:
    """Its name in a heading and in a sentence; `encoding` is what the stage `encode` reported."""
    tasks = {one.get("kind") for one in (encoding.get("tasks") or {}).values()}
    tagger = {"linear tagger": "a linear model a token"} if TAGGED in tasks else {}
    if tasks == {TAGGED}:
        return next(iter(tagger.items()))
    kinds = {one.get("kind") for one in (encoding.get("inputs") or {}).values()}
    rivals = {"trees": "boosted trees"} if not kinds or kinds - {KERNEL, *LINEAR} else {}
    rivals |= {"SVM": "support vector machines on pixels"} if KERNEL in kinds else {}
    told = " or ".join(dict.fromkeys(name for kind, name in LINEAR.items() if kind in kinds))
    rivals |= ({told: f"{told} with a linear model"} if told else {}) | tagger
    return " or ".join(rivals), ", or ".join(rivals.values())
