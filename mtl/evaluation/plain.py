"""The plain rival of a task: which one a user would pick instead, by the task's kind and by what its inputs are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

TREES, KERNEL, LINEAR, NEIGHBOURS, TAGGER = "trees", "SVM", "linear", "neighbours", "linear tagger"
TOLD = {
    "text": "TF-IDF", "tokens": "TF-IDF", "pretrained_tokens": "TF-IDF", "pretrained_vector": "frozen vectors", "audio": "MFCCs",
}  # fmt: skip
"""Kind of an input -> what a linear model is told of it; where there is none of these, others read."""
PIXELS = "image"
OF_PIXELS = ("binary", "multiclass", "ordinal", "regression")
"""Kinds of tasks that support vector machines are fitted for; of others trees read the pixels."""
CALLED = {
    TREES: "boosted trees", KERNEL: "support vector machines on pixels", LINEAR: "{} with a linear model",
    NEIGHBOURS: "nearest neighbours", TAGGER: "a linear model a token",
}  # fmt: skip
"""Rival -> its name in a sentence, in the order in which they are named; a linear one by what it is told."""


def rival_of(task: str, inputs: Collection[str]) -> str:
    """The rival of a task of this kind that sees inputs of these kinds: a key of CALLED."""
    if task in ("tagging", "retrieval"):
        return TAGGER if task == "tagging" else NEIGHBOURS
    if any(kind in TOLD for kind in inputs):
        return LINEAR
    return KERNEL if PIXELS in inputs and task in OF_PIXELS else TREES


def plain_rival(encoding: Mapping[str, Any]) -> tuple[str, str]:
    """Its name in a heading and in a sentence, or those of several; `encoding` is what the stage `encode` reported, which does
    not say which task sees which input."""
    tasks = {one.get("kind") for one in (encoding.get("tasks") or {}).values()} or {OF_PIXELS[0]}
    kinds = {one.get("kind") for one in (encoding.get("inputs") or {}).values()}
    found = {rival_of(task, [kind]) for task in tasks for kind in kinds or {""}}
    told = " or ".join(dict.fromkeys(name for kind, name in TOLD.items() if kind in kinds))
    rivals = {told if rival == LINEAR else rival: said.format(told) for rival, said in CALLED.items() if rival in found}
    return " or ".join(rivals), ", or ".join(rivals.values())
