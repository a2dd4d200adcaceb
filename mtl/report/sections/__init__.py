"""The sections of the page in their order. Each has a file here and a template of its id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mtl.report.reading import Findings
from mtl.report.sections import (
    choice,
    comparison,
    cost,
    decision,
    gates,
    learning,
    lineage,
    quality,
    registry,
    relatedness,
    rivals,
    tasks,
    trained_on,
)  # fmt: skip
from mtl.spec import Spec

Context = Callable[[Findings, Spec], dict[str, Any] | str]
"""What a section's template is given, or the one line that says why the section is empty."""


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    short: str
    """In the bar at the top of the page."""
    context: Context


SECTIONS = (
    Section("decision", "Decision", "Decision", decision.context),
    Section("rivals", "Each task against its rivals", "Rivals", rivals.context),
    Section("comparison", "All tasks in figures", "Figures", comparison.context),
    Section("trained_on", "What was trained on what", "Training", trained_on.context),
    Section("quality", "Quality of the data", "Data", quality.context),
    Section("learning", "Learning curves", "Curves", learning.context),
    Section("choice", "How sharing was chosen", "Choice", choice.context),
    Section("relatedness", "Which tasks help which", "Relatedness", relatedness.context),
    Section("tasks", "Each task in detail", "Details", tasks.context),
    Section("gates", "What the gates learned to share", "Gates", gates.context),
    Section("cost", "Cost", "Cost", cost.context),
    Section("registry", "What the registry decided, and why", "Registry", registry.context),
    Section("lineage", "Lineage", "Lineage", lineage.context),
)
