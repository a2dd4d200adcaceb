"""Adapted against from scratch: what a line of the comparison says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from mtl.adaptation.judge import ADAPTED, SCRATCH, Contest, curve, drawn, judged
from mtl.adaptation.rows import LEAST, TaskRows
from mtl.adaptation.run import told
from mtl.data.encodings import Encodings
from mtl.network import build_network
from mtl.spec import METRICS, Model, parse_spec
from tests.model.conftest import rows_for, table
from tests.model.conftest import task as task_of

SPEC = parse_spec(
    {
        "name": "small",
        "entities": {"thing": {"key": "id"}},
        "sources": {"table": {"path": "table.csv"}},
        "inputs": {"x": {"source": "table", "columns": {"n": {"kind": "numeric"}}}},
        "tasks": {"old": {"source": "table", "column": "old", "kind": "regression"}},
        "encoding": {},
        "model": {"width": 8, "depth": 1, "dropout": 0},
        "training": {"max_epochs": 3, "lr": 1e-2},
        "evaluation": {"resamples": 200},
        "gate": {},
    }
)


@pytest.fixture(params=["regression", "binary"])
def contest(request: pytest.FixtureRequest) -> Contest:
    return a_contest(request.param)


def a_contest(kind: str) -> Contest:
    encodings = Encodings({"x": table("x", 3)}, (task_of("old", "regression"),))
    torch.manual_seed(0)
    champion = build_network(encodings, Model(width=8, depth=1, dropout=0)).eval()
    task = replace(task_of("new", kind), metric=METRICS[kind][0])
    rows = {
        side: rows_of(encodings, task, n, seed) for seed, (side, n) in enumerate({"train": 200, "valid": 100, "test": 150}.items())
    }
    return Contest(SPEC, champion, encodings, task, rows)


def rows_of(encodings: Encodings, task: object, rows: int, seed: int) -> TaskRows:
    found = rows_for(Encodings(encodings.inputs, (task,)), rows, seed, labelled=1.0)
    keys = pl.DataFrame(
        {"entity": ["thing"] * rows, "key": [str(i) for i in range(rows)], "group": pl.Series([None] * rows, dtype=pl.String)}
    )
    return TaskRows(found.inputs, found.targets, keys, found.lists)


def test_the_same_predictions_differ_by_nothing_and_better_ones_by_more_than_that(contest: Contest) -> None:
    truth = contest.rows["test"].targets[:, 0].astype(np.float64)
    noisy = [np.clip(0.5 * truth + 0.5 * np.random.default_rng(seed).random(len(truth)), 0, 1) for seed in range(3)]
    same = judged(contest, 50, [{ADAPTED: one, SCRATCH: one} for one in noisy])
    assert (same.seeds, same.diff, same.low, same.high) == (3, 0, 0, 0)
    better = judged(contest, 50, [{ADAPTED: truth, SCRATCH: one} for one in noisy])
    assert better.adapted == 1
    assert better.low is not None
    assert better.low >= 0
    assert better.diff == pytest.approx(
        1 - np.mean([judged(contest, 50, [{ADAPTED: truth, SCRATCH: one}]).scratch for one in noisy])
    )
    assert "mean of 3 draws" in told(better)


def test_several_labels_are_judged_by_their_lists() -> None:
    contest = a_contest("multilabel")
    test = contest.rows["test"]
    truth = contest.task.truth(test.lists["new"])
    noise = np.random.default_rng(0).random(truth.shape)
    line = judged(contest, 50, [{ADAPTED: truth, SCRATCH: noise}])
    assert line.adapted == 1
    assert line.low is not None
    assert line.low > 0
    assert [one.labels for one in curve(contest, [40], 1, lambda line: None)] == [40]


def test_valid_is_cut_by_the_same_share(contest: Contest) -> None:
    for count, left in ((200, 100), (100, 50), (10, LEAST)):
        train, valid, training = drawn(contest, count, 4)
        assert (len(train), len(valid), training.seed) == (count, left, 4)
    first, second = (drawn(contest, 50, seed)[0].keys["key"].to_list() for seed in (0, 1))
    assert first != second
    assert first == drawn(contest, 50, 0)[0].keys["key"].to_list()


def test_a_curve_has_a_line_for_each_count_that_train_has(contest: Contest) -> None:
    said: list[int] = []
    lines = curve(contest, [60, 20, 20, 9999], 2, lambda line: said.append(line.labels))
    assert [line.labels for line in lines] == said == [20, 60]
    assert all(line.low is not None and line.diff is not None and line.low <= line.diff for line in lines)
