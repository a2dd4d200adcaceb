"""Promotions, rejections and rollbacks. MLflow keeps no history of an alias, so it is kept in tags of the registered model."""

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
Event = Literal["promoted", "rejected", "rolled back"]


@dataclass(frozen=True)
class Entry:
    """One decision on `version`. `at` is UTC, ISO 8601; `before` the champion it met, and that it took the place of unless it was
    rejected. Of a rollback `version` is the one that is champion again, `before` the one that was put aside."""

    event: Event
    version: int
    before: int | None
    reasons: tuple[str, ...]
    at: str
    model: str = ""
    """Of a rollback the `model_key` of the version that was put aside, which stays known when that version is freed."""

    def says_the_same(self, other: Entry) -> bool:
        return (self.event, self.version, self.before, self.reasons) == (other.event, other.version, other.before, other.reasons)


def read_history(store: Store) -> list[Entry]:
    """All entries, the oldest first."""
    return [entry for _, entry in _entries(store)]


def append(store: Store, event: Event, version: int, before: int | None, reasons: Sequence[str], model: str = "") -> str | None:
    """Add an entry, and give its tag; None if the last one says the same already.

    The tag's number is the time in microseconds, and always above the last one's, so that entries stay in order
    when a clock goes back.
    """
    known = _entries(store)
    now = datetime.now(UTC)
    short = tuple(reason[:LONGEST_REASON] for reason in reasons[:MOST_REASONS])
    entry = Entry(event, version, before, short, now.isoformat(timespec="seconds"), model)
    if known and known[-1][1].says_the_same(entry):
        return None
    number = max(int(now.timestamp() * 1e6), known[-1][0] + 1 if known else 0)
    tag = f"{PREFIX}{number:020d}"
    store.client.set_registered_model_tag(store.name, tag, json.dumps(asdict(entry), ensure_ascii=False))
    return tag


def last_champion(entries: Sequence[Entry]) -> int | None:
    """The version that the last promotion or rollback that is written down made champion."""
    return next((entry.version for entry in reversed(entries) if entry.event != "rejected"), None)


def put_aside(entries: Sequence[Entry]) -> dict[int, Entry]:
    """Version -> the rollback that took it from its place, of those that nobody has made champion since."""
    aside: dict[int, Entry] = {}
    for entry in entries:
        if entry.event == "rolled back" and entry.before is not None:
            aside[entry.before] = entry
        if entry.event != "rejected":
            aside.pop(entry.version, None)
    return aside


def champions(entries: Sequence[Entry]) -> list[int]:
    """The champions that lie one upon the other, today's last: a promotion lays one on, a rollback takes off all above its own."""
    pile: list[int] = []
    for entry in entries:
        if entry.event == "rejected":
            continue
        if entry.before is not None and pile[-1:] != [entry.before]:
            pile.append(entry.before)  # somebody has moved the alias by hand
        below = [at for at, version in enumerate(pile) if version == entry.version]
        pile = pile[: below[-1]] if entry.event == "rolled back" and below else pile
        pile.append(entry.version)
    return pile


def champion_before(entries: Sequence[Entry], champion: int | None) -> int | None:
    """Who was champion before `champion`, or at all if there is none now; never one that was put aside."""
    pile, aside = champions(entries), put_aside(entries)
    below = pile[: len(pile) - 1 - pile[::-1].index(champion)] if champion in pile else pile
    return next((one for one in reversed(below) if one != champion and one not in aside), None)


def _entries(store: Store) -> list[tuple[int, Entry]]:
    tags = store.client.get_registered_model(store.name).tags
    numbered = sorted((int(tag.removeprefix(PREFIX)), text) for tag, text in tags.items() if tag.startswith(PREFIX))
    return [(number, _entry(json.loads(text))) for number, text in numbered]


def _entry(data: dict[str, Any]) -> Entry:
    return Entry(data["event"], data["version"], data["before"], tuple(data["reasons"]), data["at"], data.get("model", ""))
