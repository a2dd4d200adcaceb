"""Options of sharings and balancings: what each takes beside its name, with its paper's default.

`model.options` belongs to `model.sharing`, `training.options` to `training.balancing`.
"""

from __future__ import annotations

from collections.abc import Mapping

SHARING_OPTIONS: dict[str, dict[str, float]] = {}
"""Sharing -> option -> default."""

BALANCING_OPTIONS: dict[str, dict[str, float]] = {}
"""Balancing -> option -> default."""


def check_options(of: str, given: Mapping[str, float], known: Mapping[str, Mapping[str, float]]) -> None:
    """Raise ValueError, in words, at the first option that `of` does not take."""
    taken = known.get(of, {})
    for name in given:
        if name not in taken:
            raise ValueError(f"an option of {of} ({', '.join(taken) or 'it takes none'}); found {name}")


def options_of(of: str, given: Mapping[str, float], known: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Every option of `of`: as given, else its default."""
    return {**known.get(of, {}), **given}
