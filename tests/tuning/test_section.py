"""The section `tune` of params.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from mtl.errors import SpecError
from mtl.spec import Range
from mtl.tuning.base import Base

ROOT = Path(__file__).parents[2]


def test_it_may_be_left_out_and_holds_choices_and_ranges(base) -> None:
    assert base("{}").spec.tune.trials == 30
    said = base(
        "{folds: 5, space: {model.width: [64, 128], training.lr: {low: 1e-4, high: 1e-2, log: true}, training.clip: [null, 1]}}"
    )
    assert said.spec.tune.folds == 5
    assert said.spec.tune.space["model.width"] == (64, 128)
    assert said.spec.tune.space["training.lr"] == Range(low=1e-4, high=1e-2, log=True)
    assert said.spec.tune.space["training.clip"] == (None, 1)


@pytest.mark.parametrize(
    ("tune", "place", "said"),
    [
        ("{trails: 3}", "tune.trails", "write 'trials'"),
        ("{folds: 1}", "tune.folds", "greater than or equal to 2"),
        ("{space: {model.width: 64}}", "tune.space.model.width", "a list of values, or {low: …, high: …, log: true}"),
        ("{space: {model.width: []}}", "tune.space.model.width", "at least one value"),
        ("{space: {model.width: [8, 8]}}", "tune.space.model.width", "each once"),
        ("{space: {model.width: {low: 3}}}", "tune.space.model.width", "no high"),
        ("{space: {model.width: {low: 3, hihg: 4}}}", "tune.space.model.width", "'hihg'"),
        ("{space: {model.width: {low: 4, high: 4}}}", "tune.space.model.width", "low < high"),
        ("{space: {training.lr: {low: 0, high: 1, log: true}}}", "tune.space.training.lr", "a low above 0"),
        ("{space: {training.lr: {low: 1, high: 2, log: true, step: 1}}}", "tune.space.training.lr", "either log or step"),
    ],
)
def test_what_it_cannot_hold_is_said_with_line_and_key(tune: str, place: str, said: str, base) -> None:
    base(tune)
    with pytest.raises(SpecError) as error:
        Base.read()
    assert f"params.yaml, line 29, {place}" in str(error.value)
    assert said in str(error.value)


def test_no_stage_reads_it() -> None:
    """So an edit of the search makes nothing stale."""
    stages = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        tracked = [one for one in stage.get("do", stage)["params"] if isinstance(one, str)]
        assert not any(one.split(".")[0] == "tune" for one in tracked), name
