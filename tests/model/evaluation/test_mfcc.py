"""The plain rival of tasks that hear: statistics that tell one tone from another, and a linear model on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import AudioEncoding
from mtl.data.ragged import Ragged
from mtl.evaluation import mfcc
from mtl.evaluation.mfcc import COEFFICIENTS, statistics, with_statistics
from mtl.evaluation.plain import plain_rival
from mtl.evaluation.rivals import fit_rivals
from tests.sounds import RATE, tone

ENCODING = AudioEncoding("sound", {"thing": "table"}, "s", "s", "pcm16", RATE, 1.0, 10.0, 40, 25.0, 10.0, "cnn", "max")
KINDS = ("regression", "binary", "multiclass")


def arrays_of(waves: list[np.ndarray[Any, Any]]) -> dict[str, Any]:
    lengths = np.array([len(one) for one in waves], np.int64)
    return {"samples": Ragged.of_lengths(np.concatenate([np.zeros(0, np.int16), *waves]), lengths), "present": lengths > 0}


def a_set(random: np.random.Generator, rows: int, tasks: list[Any]) -> AlignedSet:
    """Which of three tones it is; a tenth is not heard."""
    which, there = random.integers(0, 3, rows), random.random(rows) < 0.9
    hertz = np.array([300, 900, 2500])[which] * random.uniform(0.9, 1.1, rows)
    waves = [tone(f, s)[: None if known else 0] for f, s, known in zip(hertz, random.uniform(0.05, 0.2, rows), there)]
    numbers = {"numeric": random.normal(size=(rows, 2)).astype(np.float32), "present": np.ones(rows, np.bool_)}
    columns = {"regression": which - 1.0, "binary": which == 2, "multiclass": which}
    targets = np.stack([columns[t.kind].astype(np.float32) for t in tasks], 1)
    labelled = np.ones(targets.shape, np.bool_)
    return AlignedSet({"sound": arrays_of(waves), "numbers": numbers}, targets, labelled, tuple(t.name for t in tasks))


def fitted(make_task: Any, inputs: tuple[str, ...]) -> Any:
    tasks = [
        make_task(kind, kind, inputs=inputs, **({"mean": 50.0, "std": 10.0} if kind == "regression" else {})) for kind in KINDS
    ]
    random = np.random.default_rng(0)
    train, valid, test = (a_set(random, n, tasks) for n in (150, 60, 80))
    return fit_rivals(Encodings({"sound": ENCODING}, tuple(tasks)), train, valid, test), test


@pytest.mark.parametrize("inputs", [("sound",), ("sound", "numbers")])
def test_it_knows_the_tones(make_task: Any, inputs: tuple[str, ...]) -> None:
    found, test = fitted(make_task, inputs)
    there = test.inputs["sound"]["present"]
    truth = {kind: test.targets[there, i] for i, kind in enumerate(KINDS)}
    assert (found["multiclass"].argmax(1)[there] == truth["multiclass"]).mean() > 0.97
    assert ((found["binary"] > 0.5)[there] == truth["binary"]).mean() > 0.97
    assert np.corrcoef(found["regression"][there], truth["regression"])[0, 1] > 0.97
    assert 35 < found["regression"].mean() < 65
    assert all(np.isfinite(values).all() for values in found.values())
    again, _ = fitted(make_task, inputs)
    assert all(np.array_equal(found[kind], again[kind]) for kind in KINDS)


def test_a_task_that_may_not_hear_has_trees(make_task: Any) -> None:
    found, _ = fitted(make_task, ("numbers",))
    assert np.abs(found["multiclass"].mean(0) - 1 / 3).max() < 0.2


def test_statistics_are_those_of_the_recording_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands beside it, and however many are heard at a time; nothing is heard of nothing."""
    waves = [tone(500, 0.2), np.zeros(0, np.int16), tone(900, 0.01), tone(2000, 0.5)]
    whole = statistics(ENCODING, arrays_of(waves))
    assert whole.shape == (4, 7 * COEFFICIENTS)
    assert not whole[1].any()
    monkeypatch.setattr(mfcc, "ROWS", 1)
    np.testing.assert_allclose(statistics(ENCODING, arrays_of(waves)), whole, atol=1e-4)
    np.testing.assert_allclose(statistics(ENCODING, arrays_of(waves[:1])), whole[:1], atol=1e-4)


def test_they_are_what_they_are_called() -> None:
    from scipy.fft import dct

    mels = np.random.default_rng(0).normal(size=(6, 40))
    found = mfcc._of_one(mels).reshape(7, COEFFICIENTS)
    coefficients = dct(mels, norm="ortho", axis=1)[:, :COEFFICIENTS]
    np.testing.assert_allclose(found[0], coefficients.mean(0))
    np.testing.assert_allclose(found[4], np.median(coefficients, 0))
    np.testing.assert_allclose(found[5], (coefficients[-1] - coefficients[0]) / 5)


def test_they_are_scaled_by_what_is_fitted() -> None:
    random = np.random.default_rng(0)
    parts = [{"sound": arrays_of([tone(f, 0.1) for f in random.uniform(300, 3000, n)])} for n in (40, 10)]
    first, second = (part["sound"]["numeric"] for part in with_statistics({"sound": ENCODING}, parts, 1))
    np.testing.assert_allclose(first.mean(0), 0, atol=1e-9)
    assert second.shape == (10, first.shape[1])
    assert "numeric" not in parts[0]["sound"]  # the arrays that came are as they were


def test_what_it_is_called() -> None:
    def said(*kinds: str) -> str:
        return plain_rival({"inputs": {str(i): {"kind": kind} for i, kind in enumerate(kinds)}})[1]

    assert said("audio") == "MFCCs with a linear model"
    assert said("audio", "text") == "TF-IDF or MFCCs with a linear model"
    assert said("audio", "tabular") == "boosted trees, or MFCCs with a linear model"
