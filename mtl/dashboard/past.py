"""What became of each version, and who was champion when: the history of the registry, retold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtl.registry.history import Entry, Event, put_aside
from mtl.registry.store import CHAMPION
from mtl.registry.versions import Registered


@dataclass(frozen=True)
class Fate:
    """What became of a version, as the page shows it: never by its colour alone."""

    name: str
    css: str
    sign: str
    path: str
    """The mark in a picture, drawn around its own origin."""
    meaning: str


DISC = "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z"
SERVES = Fate("champion", "better", "●", DISC, "serves now")
SERVED = Fate("was champion", "no-worse", "●", DISC, "was promoted, and replaced later")
ASIDE = Fate("rolled back", "cannot-tell", "◆", "M-5.5 0L0 -5.5L5.5 0L0 5.5Z", "was promoted, and put aside by a person")
REFUSED = Fate("refused", "worse", "✕", "M-4.5 -4.5L4.5 4.5M-4.5 4.5L4.5 -4.5", "did not pass the gate")
OPEN = Fate("undecided", "cannot-tell", "?", "M-4.5 0L0 -4.5L4.5 0L0 4.5Z", "is being judged, or its registration was cut short")
FATES = (SERVES, SERVED, ASIDE, REFUSED, OPEN)
DECISIONS: dict[Event, Fate] = {
    "promoted": Fate("promoted", "better", "●", DISC, "became champion"),
    "rejected": Fate("refused", "worse", "✕", REFUSED.path, "did not pass the gate"),
    "rolled back": Fate("rolled back", "cannot-tell", "◆", ASIDE.path, "a person made an earlier version champion again"),
}
"""Event of the history -> how it is told."""


@dataclass(frozen=True)
class Reign:
    """A version was champion from `start` to `end` (UTC, ISO 8601); None: it still is."""

    version: int
    start: str
    end: str | None
    event: str


def fates(known: Registered) -> dict[int, Fate]:
    """Version -> what became of it."""
    champion, aside = known.aliases.get(CHAMPION), put_aside(known.history)
    were = {entry.version for entry in known.history if entry.event != "rejected"}
    were |= {entry.before for entry in known.history if entry.before is not None}
    rejected = {entry.version for entry in known.history if entry.event == "rejected"}
    found = {}
    for one in known.versions:
        judged = SERVED if one.number in were else REFUSED if one.number in rejected else OPEN
        found[one.number] = SERVES if one.number == champion else ASIDE if one.number in aside else judged
    return found


def reigns(history: Sequence[Entry]) -> list[Reign]:
    """Who was champion from when to when, the oldest first."""
    turns = [entry for entry in history if entry.event != "rejected"]
    turns = [entry for at, entry in enumerate(turns) if at == 0 or turns[at - 1].version != entry.version]
    ends = [*(entry.at for entry in turns[1:]), None]
    return [Reign(one.version, one.at, end, one.event) for one, end in zip(turns, ends)]


def serving(known: Registered) -> dict[int, int]:
    """Version -> the one that was champion once this one had been decided on, by the history."""
    found: dict[int, int] = {}
    champion: int | None = None
    for entry in known.history:
        champion = entry.version if entry.event != "rejected" else champion if champion is not None else entry.before
        if champion is not None and entry.version not in found:
            found[entry.version] = champion
    return found
