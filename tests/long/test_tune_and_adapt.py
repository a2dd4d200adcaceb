"""`mtl tune` and `mtl adapt` as the README writes them, in a small finished project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.conftest import command
from tests.readme import README, commands


@pytest.mark.slow
def test_tune_and_adapt_as_written(copy: Path) -> None:
    """In a small finished project: three trials instead of thirty, and a task for NEW."""
    tune, again = next(block for block in commands(README) if block[0].startswith("mtl tune"))
    said = command(copy, *tune.replace("30", "3").split()).stdout
    assert "the spec as it stands" in said
    assert "already 3 of 3 trials" in command(copy, *again.replace("30", "3").split()).stdout
    spec = (copy / "params.yaml").read_text()
    new = "  kilos: {source: visits, column: weight, kind: regression, unit: kg}\n"
    (copy / "params.yaml").write_text(spec.replace("encoding: {}", f"{new}encoding: {{}}"))
    block = next(block for block in commands(README) if any(line.startswith("mtl adapt") for line in block))
    said = [command(copy, *line.replace("NEW", "kilos").split()).stdout for line in block]
    assert "wrote models/adapted/kilos/" in said[-1]
    assert (copy / "models/adapted/kilos").is_dir()
