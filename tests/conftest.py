"""What holds for every test: no deadline on a shared machine, and the same examples each time in CI."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("mtl", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mtl")
