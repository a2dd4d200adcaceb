"""How far training is, on Prefect's page of the run: a progress bar with epoch and valid loss for each stage that trains."""

from __future__ import annotations

import re
import time
from uuid import UUID

EPOCH = re.compile(r"epoch (?P<epoch>\d+)/(?P<of>\d+), (?P<said>(?:valid|again,) .*)")
"""As the stages say it: `baseline: single_task: epoch 4/100, valid 0.7558 of a constant's loss, best 0.7506, …`."""
EVERY = 2.0
"""Seconds between two updates: an artifact costs 11-29 ms."""


class Progress:
    """The bar of one stage; made at its first epoch."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._id: UUID | None = None
        self._told = 0.0

    def hear(self, line: str) -> None:
        """A line that the stage has printed; whatever is no epoch is passed over."""
        found = EPOCH.search(line)
        if found is None or time.monotonic() - self._told < EVERY:
            return
        self._told = time.monotonic()
        self._tell(
            100.0 * int(found["epoch"]) / int(found["of"]), f"epoch {found['epoch']} of at most {found['of']}: {found['said']}"
        )

    def _tell(self, percent: float, said: str) -> None:
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        if self._id is None:
            made = create_progress_artifact(percent, key=f"training-{self.stage}", description=said)
            assert isinstance(made, UUID), "a coroutine: this is called where no event loop runs"
            self._id = made
        else:
            update_progress_artifact(self._id, percent, description=said)
