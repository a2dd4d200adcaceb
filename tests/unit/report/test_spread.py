"""The line about the members' spread in a task's details."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mtl.layout import EVALUATION
from mtl.spec import Spec

FOUND = {"correlation": 0.3456, "error_least": 4.25, "error_most": 12.5, "median": 2.0}


def test_what_the_spread_tells_stands_with_its_unit(
    tmp_path: Path, workspace: Callable[..., Spec], page: Callable[[Path, Spec], str]
) -> None:
    spec = workspace(tmp_path)
    assert "Spread of the members" not in page(tmp_path, spec)
    evaluation = json.loads((tmp_path / EVALUATION).read_text(encoding="utf-8"))
    for name, undefined in (("systolic_bp", {}), ("general_health", {"correlation": None})):
        evaluation["tasks"][name]["spread"] = FOUND | undefined
    (tmp_path / EVALUATION).write_text(json.dumps(evaluation), encoding="utf-8")
    text = page(tmp_path, spec)
    assert text.count("Spread of the members") == 2
    assert "the mean absolute error is 4.250 mmHg, where they agree least 12.5 mmHg" in text
    assert "spread and error +0.35" in text
    assert "the mean probability of another class is 4.250, where" in text
