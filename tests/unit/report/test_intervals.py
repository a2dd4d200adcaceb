"""What the page says of quantiles and of losses that move probabilities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mtl.layout import EVALUATION
from mtl.spec import Spec

INTERVAL = {"low": 0.05, "high": 0.95, "promised": 0.9, "inside": 0.8734, "width": 31.25}
BELOW = {"predicted": [0.05, 0.5, 0.95], "observed": [0.06, 0.5, 0.93], "count": [900] * 3}


def test_an_interval_is_told_with_what_it_promises_and_its_unit(
    tmp_path: Path, workspace: Callable[..., Spec], page: Callable[[Path, Spec], str]
) -> None:
    spec = workspace(tmp_path)
    assert "should hold" not in page(tmp_path, spec)
    evaluation = json.loads((tmp_path / EVALUATION).read_text(encoding="utf-8"))
    evaluation["tasks"]["systolic_bp"] |= {"kind": "quantile", "interval": INTERVAL, "calibration": BELOW}
    (tmp_path / EVALUATION).write_text(json.dumps(evaluation), encoding="utf-8")
    text = page(tmp_path, spec)
    assert "interval of q0.05 to q0.95 should hold 90 % of the test rows and holds 87.3 %; its mean width is 31.2 mmHg" in text
    for said in ("Calibration of the quantiles", "30 of 100 truths lie below the quantile 0.3", "Predicted (median) against true"):
        assert text.count(said) == 1


def test_a_calibration_that_is_moved_on_purpose_says_so(
    tmp_path: Path, workspace: Callable[..., Spec], page: Callable[[Path, Spec], str]
) -> None:
    spec = workspace(tmp_path)
    evaluation = json.loads((tmp_path / EVALUATION).read_text(encoding="utf-8"))
    evaluation["tasks"]["general_health"]["loss"] = "class weights"
    (tmp_path / EVALUATION).write_text(json.dumps(evaluation), encoding="utf-8")
    assert page(tmp_path, spec).count("Learned with class weights, which moves probabilities on purpose.") == 1
