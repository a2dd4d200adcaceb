"""Cost: notes belong to the model that was trained, and what is not known is left out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs.tabular import NumericColumn, TabularEncoding
from mtl.evaluation.cost import (
    KEPT,
    NOTES,
    WEIGHTS,
    cost_table,
    measure_cost,
    microseconds_a_row,
    note_cost,
    read_costs,
    tells_of_what_lies_there,
    weights_of,
)
from mtl.files import read_json
from mtl.layout import COST
from mtl.spec import Model


def put_weights(root: Path, stage: str, text: str) -> None:
    (root / WEIGHTS[stage]).parent.mkdir(parents=True, exist_ok=True)
    (root / WEIGHTS[stage]).write_text(text)


def test_a_note_belongs_to_its_weights(tmp_path: Path) -> None:
    """Parameters A, B, then A again from DVC's cache: the seconds are A's, not those of the last training."""
    for text, seconds in (("A", 10.0), ("B", 20.0)):
        put_weights(tmp_path, "candidate", text)
        note_cost("candidate", {"seconds": seconds}, tmp_path)
        assert read_costs(tmp_path) == {"candidate": {"seconds": seconds}}
    put_weights(tmp_path, "candidate", "A")
    assert read_costs(tmp_path)["candidate"]["seconds"] == 10
    put_weights(tmp_path, "candidate", "trained elsewhere")
    assert read_costs(tmp_path) == {}


def test_a_cost_tells_of_the_models_it_was_measured_of(tmp_path: Path) -> None:
    """Parameters A, B, then A again: DVC brings A's models back and runs no evaluation, so cost.json is still B's."""
    cost = {}
    for text in "AB":
        for stage in WEIGHTS:
            put_weights(tmp_path, stage, text)
        cost[text] = {"of": weights_of(tmp_path)}
    assert tells_of_what_lies_there(cost["B"], tmp_path)
    assert not tells_of_what_lies_there(cost["A"], tmp_path)


def test_notes_do_not_grow_for_ever(tmp_path: Path) -> None:
    for i in range(KEPT + 3):
        put_weights(tmp_path, "candidate", str(i))
        note_cost("candidate", {"seconds": i}, tmp_path)
    assert (tmp_path / NOTES / "candidate.json").read_text().count("seconds") == KEPT


def test_a_broken_note_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / NOTES).mkdir(parents=True)
    (tmp_path / NOTES / "candidate.json").write_text("{half")
    assert read_costs(tmp_path) == {}
    note_cost("trees", {"seconds": 1.0}, tmp_path)
    assert read_costs(tmp_path) == {"trees": {"seconds": 1.0}}


def test_the_table_has_ratios_where_both_are_known() -> None:
    notes = {"candidate": {"seconds": 12.0}, "single_task": {"seconds": 48.0}}
    full = cost_table({"model": 100, "single_task": 400}, {"model": 2.0, "single_task": 10.0}, notes)
    assert full == {
        "train": {"seconds": 12.0},
        "single_task": {"seconds": 48.0},
        "parameters": {"model": 100, "single_task": 400, "ratio": 0.25},
        "predict_us_per_row": {"model": 2.0, "single_task": 10.0, "ratio": 0.2},
        "train_seconds": {"model": 12.0, "single_task": 48.0, "ratio": 0.25},
    }
    cached = cost_table({"model": 100, "single_task": 400}, {}, {"single_task": {"seconds": 3.0}})
    assert cached == {
        "single_task": {"seconds": 3.0},
        "parameters": {"model": 100, "single_task": 400, "ratio": 0.25},
        "train_seconds": {"single_task": 3.0},
    }


def test_seconds_without_those_of_tasks_taken_over_say_so_and_make_no_ratio() -> None:
    """What one network cost without some of its tasks, over what all single-task networks cost, would flatter it."""
    notes = {"candidate": {"seconds": 12.0, "adopted": ["risk"]}, "single_task": {"seconds": 48.0}}
    found = cost_table({"model": 100, "single_task": 400}, {}, notes)
    assert found["train_seconds"] == {"model": 12.0, "single_task": 48.0, "adopted": ["risk"]}
    assert found["train"] == {"seconds": 12.0, "adopted": ["risk"]}
    assert found["parameters"]["ratio"] == 0.25


def test_who_was_taught_has_the_seconds_of_its_teachers_too() -> None:
    """Also those of tasks it took over: they are among the teachers."""
    notes = {"candidate": {"seconds": 12.0, "taught": True, "adopted": ["risk"]}, "single_task": {"seconds": 48.0}}
    found = cost_table({"model": 100, "single_task": 400}, {}, notes)
    assert found["train_seconds"] == {"model": 60.0, "single_task": 48.0, "ratio": 1.25, "taught": True}
    assert found["train"] == {"seconds": 60.0}
    restored = cost_table({"model": 100, "single_task": 400}, {}, {"candidate": notes["candidate"]})
    assert "train" not in restored, "the teachers' seconds are not known"
    assert "train_seconds" not in restored


def test_both_networks_are_measured(tmp_path: Path, make_task: Any) -> None:
    from mtl.network.network import build_network

    random = np.random.default_rng(0)
    columns = tuple(NumericColumn(name, name, 0.0, 1.0) for name in "ab")
    person = TabularEncoding("person", {"person": "people"}, columns, ())
    tasks = (make_task("y"), make_task("z", "binary"))
    encodings = Encodings({"person": person}, tasks)
    inputs = {"person": person.apply(pl.DataFrame({name: random.normal(size=50) for name in "ab"}))}
    test = AlignedSet(inputs, np.zeros((50, 2), np.float32), np.ones((50, 2), np.bool_), ("y", "z"))
    model, single = (build_network(encodings, Model(width=8, sharing=sharing)) for sharing in ("shared_bottom", "separate"))
    done = measure_cost(encodings, test, model, single, tmp_path)
    assert done == read_json(tmp_path / COST)
    assert set(done) == {"of", "parameters", "predict_us_per_row"}
    assert done["parameters"]["model"] == sum(p.numel() for p in model.parameters())
    assert done["parameters"]["ratio"] < 1
    assert done["predict_us_per_row"]["model"] > 0


def test_microseconds_a_row_are_wall_clock() -> None:
    assert microseconds_a_row(lambda: time.sleep(0.01), 1000, repeats=3) == pytest.approx(10, rel=0.5)


def test_a_slow_model_is_timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.evaluation.cost.ENOUGH", 0.005)
    calls: list[float] = []
    assert microseconds_a_row(lambda: calls.append(0.0) or time.sleep(0.01), 1000) == pytest.approx(10, rel=0.5)
    assert len(calls) == 2
