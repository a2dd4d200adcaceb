"""What a tagging task says beside its column: how spans are written in tags, and whether neighbours have a say."""

from __future__ import annotations

import re
from typing import Literal, Protocol

Scheme = Literal["bio", "iob1", "none"]
SPANS = ("bio", "iob1")
"""Schemes of spans; with `none` each token has a tag of its own."""
CRF = True
"""Whether there is a chain where the spec does not say."""
OF_TOKENS = ("accuracy", "row_accuracy")
"""The metrics, the headline first, where tags are no spans."""
PATTERN = r"^(O|[BI]-.+)$"
"""A tag of a span's token."""


class Asked(Protocol):
    """A task, as far as tags are concerned."""

    @property
    def kind(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...] | None: ...
    @property
    def separator(self) -> str | None: ...
    @property
    def scheme(self) -> Scheme | None: ...
    @property
    def crf(self) -> bool | None: ...
    @property
    def metric(self) -> str | None: ...


def check_tagging(task: Asked) -> None:
    """Raise ValueError for what does not go with the task's kind, or with its scheme."""
    if task.kind != "tagging":
        said = next((key for key in ("scheme", "crf") if getattr(task, key) is not None), None)
        if said is not None:
            raise ValueError(f"{said} with tagging only; found it with {task.kind}")
        return
    if task.scheme is None:
        raise ValueError(
            "scheme beside kind tagging: bio (O, B-TYPE, I-TYPE), iob1 (a span begins with I-TYPE) or none (no spans); found none"
        )
    if task.separator is not None:
        raise ValueError("no separator with tagging, since tags in a text stand between blanks, as tokens do; found one")
    strange = [tag for tag in task.classes or () if task.scheme in SPANS and not re.match(PATTERN, tag)]
    if strange:
        raise ValueError(f"classes of scheme {task.scheme}: O, B-TYPE, I-TYPE; found {strange[0]!r}")
    if task.scheme not in SPANS and task.metric is not None and task.metric not in OF_TOKENS:
        raise ValueError(f"metric of a tagging task without spans: one of {', '.join(OF_TOKENS)}; found {task.metric!r}")
