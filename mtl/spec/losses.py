"""What a task may say of its loss: the levels of quantiles, a count's distribution, what rare classes weigh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mtl.spec.base import label_text

if TYPE_CHECKING:
    from mtl.spec.tasks import Task

LEVELS = (0.05, 0.5, 0.95)
"""Of a quantile task that names none."""
WEIGHED = ("binary", "multiclass", "ordinal")
"""Kinds whose classes may be weighed."""
FOCAL = ("binary", "multiclass")
"""Kinds that may have focal loss: those whose loss is one cross-entropy."""
YES_NO = ("0", "1", "false", "true", "no", "yes")
"""Labels of a binary task that names none."""


def check_levels(levels: tuple[float, ...]) -> None:
    """Raise ValueError unless they are at least two levels between 0 and 1, rising, the median among them."""
    if not all(0 < level < 1 for level in levels):
        raise ValueError(f"levels between 0 and 1, both excluded; found {_listed(levels)}")
    if len({f"{level:g}" for level in levels}) < len(levels) or list(levels) != sorted(levels):
        raise ValueError(f"levels that rise, each once; found {_listed(levels)}")
    if 0.5 not in levels or len(levels) < 2:
        raise ValueError(f"at least two levels, 0.5 among them; found {_listed(levels)}")


def weights_by_label(value: Any) -> Any:
    """`balanced`, or label -> weight. Raises ValueError for anything else, and for a weight that is not above 0."""
    if value is None or value == "balanced":
        return value
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"`balanced`, or a weight for each label that shall have one; found {value!r}")
    wrong = {label: weight for label, weight in value.items() if not _is_weight(weight)}
    if wrong:
        raise ValueError(f"weights above 0; found {wrong}")
    return {label_text(label): float(weight) for label, weight in value.items()}


def check_loss(task: Task) -> None:
    """Raise ValueError for what does not go with the task's kind, or with its labels."""
    said = {"levels": ("quantile",), "distribution": ("count",), "class_weights": WEIGHED, "focal": FOCAL}
    for key, kinds in said.items():
        if getattr(task, key) is not None and task.kind not in kinds:
            raise ValueError(f"{key} with {', '.join(kinds)} only; found it with {task.kind}")
    if task.kind == "count" and task.min is not None and task.min < 0:
        raise ValueError(f"min of a count at least 0; found {task.min:g}")
    known = _labels(task)
    if isinstance(task.class_weights, Mapping) and known:
        strange = [label for label in task.class_weights if label not in known]
        if strange:
            raise ValueError(f"class_weights of its labels ({', '.join(known)}); found {', '.join(map(repr, strange))}")


def _labels(task: Task) -> tuple[str, ...]:
    """The labels that the spec names; none where they are train's."""
    if task.kind != "binary":
        return task.classes or ()
    return YES_NO if task.positive is None else tuple(label for label in (task.negative, task.positive) if label is not None)


def _is_weight(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _listed(levels: tuple[float, ...]) -> str:
    return ", ".join(f"{level:g}" for level in levels) or "none"
