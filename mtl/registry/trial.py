"""The last rule before a promotion: a fresh process loads the registered model and predicts the golden rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from mtl.registry import smoke
from mtl.registry.gate import Rule
from mtl.registry.store import TRACKING_URI, Store

PATIENCE = 300
"""Seconds for the start of Python, MLflow and torch on a busy machine, and for a remote registry's download."""
RULE = "golden rows in a fresh process"


def golden_trial(store: Store, version: int, golden: Path) -> Rule:
    """Whether the version predicts of the rows of the file `golden` what was predicted of them when it was packed."""
    command = [sys.executable, "-m", smoke.__name__, f"models:/{store.name}/{version}", str(golden)]
    environment = {**os.environ, TRACKING_URI: store.uri, "PYTHONWARNINGS": "ignore"}
    try:
        done = subprocess.run(
            command, cwd=store.root, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Rule(RULE, False, f"the model was not loaded within {PATIENCE} s")
    said = done.stdout.strip().splitlines()
    if said and done.returncode in (0, 1):
        return Rule(RULE, done.returncode == 0, said[-1])
    errors = done.stderr.strip().splitlines()
    return Rule(RULE, False, f"the model could not be loaded: {errors[-1][:300] if errors else f'exit code {done.returncode}'}")
