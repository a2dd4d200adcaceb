"""Two kills of `dvc repro`, one of them in the middle of writing dvc.lock; `kill_repro.py 20` is the long form."""

from __future__ import annotations

import pytest

from .conftest import make_project
from .kill_repro import kill_again_and_again

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("door", "kills", "seed"), [("repro", 2, 1)])
def test_after_a_kill_the_next_run_makes_the_same_bytes(door: str, kills: int, seed: int) -> None:
    lines = list(kill_again_and_again(make_project, kills, door=door, seed=seed))
    assert len(lines) == kills + 1
