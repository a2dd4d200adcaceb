"""Several labels a row, through evaluation: the plain rival on texts, what is written, what is told of a prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.ragged import Ragged
from mtl.evaluation.calibration import calibration_curve
from mtl.evaluation.predictions import read_predictions, write_predictions
from mtl.evaluation.rivals import fit_rivals
from mtl.evaluation.spread import spread_tells
from mtl.evaluation.summary import evaluate
from mtl.registry.package import table

from .test_linear import a_set as texts
from .test_summary import a_spec

Array = np.ndarray[Any, Any]


def of_hot(hot: Array) -> Ragged:
    """The lists whose labels are the ones of each row of 0 and 1."""
    return Ragged.of_lengths((np.nonzero(hot)[1] + 1).astype(np.int32), hot.sum(1).astype(np.int64))


def test_texts_have_a_linear_model_a_class(make_task: Any) -> None:
    """Each what a binary task of this class gets."""
    task, binary = make_task("t", "multilabel", inputs=("words",), classes=("a", "b")), make_task("t", "binary", inputs=("words",))
    random = np.random.default_rng(0)
    plain = [texts(random, n, [make_task("t", "multiclass")]) for n in (300, 80, 100)]
    hot = [np.stack([one.targets[:, 0] > c for c in (0, 1)], 1) * one.labelled for one in plain]
    sides = [replace(one, lists={"t": of_hot(of)}) for one, of in zip(plain, hot, strict=True)]
    found = fit_rivals(Encodings({}, (task,)), *sides)["t"]
    for c in (0, 1):
        alone = [replace(one, targets=of[:, c : c + 1].astype(np.float32)) for one, of in zip(plain, hot, strict=True)]
        np.testing.assert_array_equal(found[:, c], fit_rivals(Encodings({}, (binary,)), *alone)["t"])


def test_what_evaluation_writes(tmp_path: Path, make_task: Any, sample: Any) -> None:
    """Only labelled rows count; the headline is scikit-learn's; the rival that predicts noise is beaten."""
    rows, random, task = 300, np.random.default_rng(1), make_task("tags", "multilabel")
    truth, predicted = sample("multilabel", rows, random)
    labelled = random.random((rows, 1)) < 0.8
    keys = pl.DataFrame(
        {"entity": "person", "key": [str(i) for i in range(rows)], "group": pl.Series([None] * rows, dtype=pl.String)}
    )
    slices = pl.DataFrame({"gender": random.choice(["F", "M"], rows), "age": np.full(rows, 30.0)})
    lists = {"tags": of_hot(truth * labelled)}
    AlignedSet({}, np.zeros((rows, 1), np.float32), labelled, ("tags",), lists=lists).write(tmp_path / "test", keys, slices)
    rivals = {"model": {"tags": predicted}, "single_task": {"tags": random.random(predicted.shape)}}
    done = evaluate(
        a_spec(), Encodings({}, (task,)), AlignedSet.read(tmp_path / "test"), rivals, {"tags": random.random(predicted.shape)}
    )
    known = labelled[:, 0]
    found = done.metrics["tasks"]["tags"]
    assert found["value"] == pytest.approx(average_precision_score(truth[known], predicted[known]), rel=1e-5)
    assert found["ci_low"] < found["value"] < found["ci_high"]
    assert (found["metric"], found["verdict"], found["n_test"]) == ("map", "better", known.sum())
    detail = done.evaluation["tasks"]["tags"]
    assert sum(detail["calibration"]["count"]) == known.sum() * 3
    assert detail["spread"]["correlation"] is not None
    assert len(detail["slices"]) == 2 + 1


def test_calibration_and_spread_are_over_all_classes() -> None:
    truth, predicted = np.zeros((60, 2)), np.tile([0.2, 0.6], (60, 1))
    truth[:36, 1] = truth[:12, 0] = 1
    curve = calibration_curve("multilabel", truth, predicted)
    assert curve == {"predicted": pytest.approx([0.2, 0.6]), "observed": pytest.approx([0.2, 0.6]), "count": [60, 60]}
    wrong = np.abs(truth - predicted).mean(axis=1)
    told = spread_tells("multilabel", truth, predicted, np.stack([wrong, wrong], axis=1))
    assert told is not None
    assert told["correlation"] == pytest.approx(1)


def test_a_prediction_is_its_labels_and_each_probability(make_task: Any, tmp_path: Path) -> None:
    task = make_task("tags", "multilabel", classes=("a", "b", "c"))
    values = np.array([[0.9, 0.2, 0.5], [0.1, 0.2, 0.3]])
    found = table([task], {"tags": values}, {"tags": values / 10})
    assert found["tags"].to_list() == ["a;c", ""]
    assert found["tags.b"].to_list() == [0.2, 0.2]
    assert found["tags_spread"].to_list() == pytest.approx([0.16 / 3, 0.02])
    write_predictions(tmp_path / "p.parquet", [task], {"tags": values})
    np.testing.assert_array_equal(read_predictions(tmp_path / "p.parquet", [task])["tags"], values)
