"""The sections of the page in their order. Each has a file here and a template of its id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mtl.report.reading import Findings
from mtl.report.sections import comparison, cost, decision, gates, learning, lineage, quality, registry, rivals, tasks, trained_on
from mtl.spec import Spec

Context = Callable[[Findings, Spec], dict[str, Any] | str]
"""What a section's template is given, or the one line that says why the section is empty."""


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    context: Context


SECTIONS = (
    Section("decision", "Decision", decision.context),
    Section("rivals", "Each task against its rivals", rivals.context),
    Section("comparison", "All tasks in figures", comparison.context),
    Section("trained_on", "What was trained on what", trained_on.context),
    Section("quality", "Quality of the data", quality.context),
    Section("learning", "Learning curves", learning.context),
    Section("tasks", "Each task in detail", tasks.context),
    Section("gates", "What the hybrid learned to share", gates.context),
    Section("cost", "Cost", cost.context),
    Section("registry", "What the registry decided, and why", registry.context),
    Section("lineage", "Lineage", lineage.context),
)
