"""`python -m mtl.orchestration.arrivals ROOT`, a program of `mtl up`: looks at the files of the sources in
`operations.services.watch`, and tells the server when something has arrived."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtl.data.sources.delivery import Delivery, delivery_of
from mtl.files import write_json
from mtl.orchestration.arrived import tell
from mtl.spec import SPEC, Spec, read_spec

TOLD = Path(".mtl/services/arrivals.json")
"""What lay at each path when it was last told of: what arrives while nobody looks is told of at the next start."""
SHOWN = 3
"""Files that an event names; of the others it says how many."""


@dataclass
class Watched:
    """What lies at the path of one source."""

    told: Delivery
    """What lay there when the server was last told."""
    seen: Delivery | None = None
    """What lay there at the last look."""

    def look(self, now: Delivery) -> list[str]:
        """Files that have arrived, or are others, since they were told of; none while anything still changes from look to look."""
        finished, self.seen = now == self.seen, now
        return sorted(file for file in now if now[file] != self.told.get(file)) if finished else []


class Arrivals:
    """The watched sources of a project, and when each is to be looked at next.

    What lies there when a source is watched for the first time is no news.
    """

    def __init__(self, root: Path, spec: Spec) -> None:
        kept = _read(root)
        self.root, self.spec, self.every = root, spec, spec.operations.services.watch
        self.sources = {name: Watched(kept[name] if name in kept else self._delivery(name)) for name in self.every}
        self.due = dict.fromkeys(self.every, 0.0)
        self._keep()

    def look(self, now: float) -> None:
        """At each source whose time has come, by a clock that reads `now`."""
        for name in [name for name, due in self.due.items() if due <= now]:
            self.due[name] = now + self.every[name]
            watched, lies = self.sources[name], self._delivery(name)
            if files := watched.look(lies):
                tell(self.root, self.spec, name, said(name, files))
                watched.told = lies
                self._keep()

    def _delivery(self, name: str) -> Delivery:
        return delivery_of(self.spec.sources[name], self.root)

    def _keep(self) -> None:
        write_json(self.root / TOLD, {name: watched.told for name, watched in self.sources.items()})


def said(source: str, files: list[str]) -> str:
    """`visits has new data: 2026-11-04.csv`"""
    named = [file for file in files if file != "."][:SHOWN]
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return f"{source} has new data" + (f": {', '.join(named)}{more}" if named else "")


def run(root: Path) -> None:
    """Look for ever. What goes wrong at a look ends the process: the supervisor starts it again, and what was not told of yet is
    told then."""
    arrivals = Arrivals(root, read_spec(root / SPEC))
    while True:
        arrivals.look(time.monotonic())
        time.sleep(max(0.0, min(arrivals.due.values()) - time.monotonic()))


def _read(root: Path) -> Mapping[str, Delivery]:
    try:
        kept = json.loads((root / TOLD).read_text(encoding="utf-8"))
        return {name: {file: (size, changed) for file, (size, changed) in of.items()} for name, of in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError):  # none yet, or cut short: as at the first start
        return {}


if __name__ == "__main__":
    run(Path(sys.argv[1]))
