"""A kill of `dvc repro` in the middle of writing dvc.lock; `kill_repro.py 20` is the long form, with the other ways to kill it."""

from __future__ import annotations

import pytest

from tests.flows.conftest import make_project
from tests.long.kill_repro import kill_again_and_again

pytestmark = pytest.mark.slow


def test_after_a_kill_the_next_run_makes_the_same_bytes() -> None:
    assert len(list(kill_again_and_again(make_project, 1, seed=1))) == 2
