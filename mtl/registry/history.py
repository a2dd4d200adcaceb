"""Promotions and rejections. MLflow keeps no history of an alias, so it is kept in tags of the registered model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from mtl.registry.store import Store

PREFIX = "mtl.history."
MOST_REASONS, LONGEST_REASON = 10, 300
"""Old MLflow servers take 5,000 characters in a tag."""


@dataclass(frozen=True)
class Entry:
    """One decision. `at` is UTC, ISO 8601; `before` the champion it met."""

    event: Literal["promoted", "rejected"]
    version: int
    before: int | None
    reasons: tuple[str, ...]
    at: str

    def says_the_same(self, other: Entry) -> bool:
        return (self.event, self.version, self.before, self.reasons) == (other.event, other.version, other.before, other.reasons)


def read_history(store: Store) -> list[Entry]:
    """All entries, the oldest first."""
    return [entry for _, entry in _entries(store)]


def append(
    store: Store, event: Literal["promoted", "rejected"], version: int, before: int | None, reasons: Sequence[str]
) -> str | None:
    """Add an entry, and give its tag; None if the last one says the same already.

    The tag's number is the time in microseconds, and always above the last one's, so that entries stay in order
    when a clock goes back.
    """
    known = _entries(store)
    now = datetime.now(UTC)
    short = tuple(reason[:LONGEST_REASON] for reason in reasons[:MOST_REASONS])
    entry = Entry(event, version, before, short, now.isoformat(timespec="seconds"))
    if known and known[-1][1].says_the_same(entry):
        return None
    number = max(int(now.timestamp() * 1e6), known[-1][0] + 1 if known else 0)
    tag = f"{PREFIX}{number:020d}"
    store.client.set_registered_model_tag(store.name, tag, json.dumps(asdict(entry), ensure_ascii=False))
    return tag


def last_promoted(store: Store) -> int | None:
    """The version of the last promotion that is written down."""
    return next((entry.version for entry in reversed(read_history(store)) if entry.event == "promoted"), None)


def _entries(store: Store) -> list[tuple[int, Entry]]:
    tags = store.client.get_registered_model(store.name).tags
    numbered = sorted((int(tag.removeprefix(PREFIX)), text) for tag, text in tags.items() if tag.startswith(PREFIX))
    return [(number, _entry(json.loads(text))) for number, text in numbered]


def _entry(data: dict[str, Any]) -> Entry:
    return Entry(data["event"], data["version"], data["before"], tuple(data["reasons"]), data["at"])
