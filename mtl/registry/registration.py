"""What the registry decided, as it stands in reports/registration.json: no ids, times or paths, so that it can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mtl.registry.gate import Rule

Decision = Literal["promoted", "rejected", "not_asked"]


@dataclass(frozen=True)
class Registration:
    """The decision, the version it is about, and why."""

    decision: Decision
    model: str
    reasons: tuple[str, ...]
    version: int | None = None
    champion_before: int | None = None
    rules: tuple[Rule, ...] = ()
    vs_champion: Mapping[str, Mapping[str, Any]] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "decision": self.decision, "model": self.model, "version": self.version, "reasons": list(self.reasons),
            "champion_before": self.champion_before, "rules": [rule.as_json() for rule in self.rules],
            "vs_champion": self.vs_champion,
        }  # fmt: skip

    def summary(self) -> str:
        """One line."""
        what = f"version {self.version} of {self.model}" if self.version is not None else self.model
        more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
        return f"{what}: {self.decision.replace('_', ' ')}, {self.reasons[0]}{more}"
