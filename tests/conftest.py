"""What holds for every test: one thread for numbers, no deadline on a shared machine, the same examples each time in CI, the same
draws in any order."""

from __future__ import annotations

import gc
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers of two threads on two cores wait for each other: twice the time

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("mtl", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mtl")


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """Global generators start anew, so that no test's weights depend on which tests ran before it in this process."""
    np.random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)  # `torch.manual_seed` takes 2 ms: it notes the stack for absent GPUs


def pytest_collection_finish() -> None:
    """What thousands of tests consist of stays: the garbage collector, which would look at it again and again, lets it be."""
    gc.collect()
    gc.freeze()
