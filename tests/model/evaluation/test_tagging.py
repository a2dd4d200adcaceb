"""Metrics of tags as seqeval counts them, resamples as repeated rows, and the linear tagger as rival."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from mtl.data.ragged import Ragged
from mtl.evaluation import tagger
from mtl.evaluation.calibration import calibration_curve
from mtl.evaluation.comparison import compare
from mtl.evaluation.metrics import point, resampled
from mtl.evaluation.metrics.tagging import NO_SPAN, NO_TOKEN, NONE_PREDICTED, NONE_TRUE, by_type
from mtl.evaluation.metrics.values import Value
from mtl.evaluation.plain import plain_rival
from mtl.evaluation.rivals import fit_rivals
from mtl.network.heads import chain
from mtl.spec import METRICS
from tests.tagging import mixed, rows_of

NUMBERS = {tag: number for number, tag in enumerate(("O", "B-a", "I-a", "B-b", "I-b", "B-c", "I-c"), start=1)}
AGREED = [
    (
        "B-a I-a B-c I-b B-b / I-b B-b I-c B-c O B-a B-b",
        "B-a I-a O I-b B-c / I-b B-b I-c B-a B-b B-a B-b",
        (0.7, 0.7, 0.7, 0.666666666667),
    ),
    (
        "I-b / B-c B-c I-a I-c I-b I-b I-a I-a",
        "I-b / I-a B-c I-a I-a I-b I-b I-a I-a",
        (0.615384615385, 0.666666666667, 0.571428571429, 0.777777777778),
    ),
    (
        "I-b B-a B-c B-c I-b I-a I-a / I-c B-c",
        "O I-a I-b B-c B-b I-b I-a / I-c B-c",
        (0.533333333333, 0.571428571429, 0.5, 0.444444444444),
    ),
    (
        "B-c B-a B-b / O I-c I-c I-a B-b B-b B-c",
        "B-c B-a I-a / O I-c I-c I-a B-b B-b B-c",
        (0.8, 0.857142857143, 0.75, 0.9),
    ),
    (
        "I-b B-b / I-a B-b I-c I-c B-a I-c / B-a B-c",
        "I-b B-b / I-b B-a I-c I-a B-a O / B-a B-c",
        (0.555555555556, 0.555555555556, 0.555555555556, 0.6),
    ),
    (
        "I-c / B-c B-c B-c / I-a / I-c O O I-a B-b",
        "I-c / B-c I-b B-c / I-a / I-c B-c O I-a B-b",
        (0.823529411765, 0.777777777778, 0.875, 0.8),
    ),
]
"""Truth, prediction; F1, precision, recall and accuracy as seqeval 1.2.2 has them in its default mode. Some are ill-formed."""


def rows(text: str) -> Ragged:
    found = [[NUMBERS[tag] for tag in row.split()] for row in text.split("/")]
    return Ragged.of_lengths(np.array([n for row in found for n in row]), np.array([len(row) for row in found]))


def scored(truth: str, predicted: str) -> dict[str, Value]:
    return point("tagging", rows(truth), rows(predicted))


def values(truth: str, predicted: str) -> list[float | None]:
    found = scored(truth, predicted)
    return [found[name].value for name in ("span_f1", "span_precision", "span_recall", "accuracy")]


@pytest.mark.parametrize(("truth", "predicted", "agreed"), AGREED)
def test_spans_are_counted_as_seqeval_does(truth: str, predicted: str, agreed: tuple[float, ...]) -> None:
    assert values(truth, predicted) == pytest.approx(agreed, abs=1e-9)


def test_a_span_is_right_if_type_and_both_ends_are() -> None:
    truth = "B-a I-a O B-b / B-a"
    assert values(truth, truth)[:3] == [1, 1, 1]
    assert values(truth, "B-a I-a I-a B-b / B-a")[1] == pytest.approx(2 / 3)  # ends too late
    assert values(truth, "B-a O O B-b / B-a")[2] == pytest.approx(2 / 3)  # ends too early
    assert values(truth, "B-b I-b O B-b / B-a")[2] == pytest.approx(2 / 3)  # another type
    assert values("B-a / I-a", "B-a / B-a")[:3] == [1, 1, 1]  # a row's first tag begins a span, whatever it is
    assert scored(truth, "B-a I-a O B-b / O")["row_accuracy"].value == 0.5


def test_without_spans_nothing_is_defined_but_tokens() -> None:
    found = scored("O O", "O O")
    assert (found["span_f1"].reason, found["accuracy"].value) == (NO_SPAN, 1.0)
    assert scored("B-a", "O")["span_precision"].reason == NONE_PREDICTED
    assert scored("O", "B-a")["span_recall"].reason == NONE_TRUE
    assert list(found) == list(METRICS["tagging"])


def test_without_tokens_the_share_of_right_ones_is_undefined() -> None:
    """Rows without a token may be labelled: a list of no tags is a label."""
    found = scored(" / ", " / ")
    assert (found["accuracy"].value, found["accuracy"].reason) == (None, NO_TOKEN)
    assert (found["span_f1"].reason, found["row_accuracy"].value) == (NO_SPAN, 1.0)
    assert np.isnan(resampled("tagging", rows(" / "), rows(" / "))(np.ones((2, 3)))["accuracy"]).all()


def test_what_a_model_did_not_tag_is_in_no_span() -> None:
    """One that cuts rows earlier, or later."""
    truth = "O B-a I-a / B-b O"
    assert scored(truth, "O B-a / B-b") == scored(truth, "O B-a O / B-b O")
    assert scored(truth, "O B-a I-a B-b / B-b O O")["span_f1"].value == 1.0


def test_a_resample_is_the_rows_as_often_as_they_are_drawn() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 7, 40)
    truth, predicted = (Ragged.of_lengths(random.integers(1, 8, int(lengths.sum())), lengths) for _ in range(2))
    weights = random.multinomial(40, np.full(40, 1 / 40), size=5).T.astype(float)
    found = resampled("tagging", truth, predicted)(weights)
    for draw in range(5):
        at = np.repeat(np.arange(40), weights[:, draw].astype(int))
        wanted = point("tagging", truth[at], predicted[at])
        assert all(found[name][draw] == pytest.approx(value.value, abs=1e-12) for name, value in wanted.items())


def test_a_rival_is_compared_by_its_spans() -> None:
    """Against the same tags the difference is nothing; against none at all, everything."""
    encodings = mixed()
    some = rows_of(encodings, 60, 5)
    tasks = [one for one in encodings.tasks if one.kind == "tagging" and one.spans]
    truth, labelled = some.truth(tasks), some.labels(tasks)
    nothing = {name: Ragged(np.ones_like(of.values), of.offsets) for name, of in truth.items()}
    asked = {"tolerance": 0.02, "confidence": 0.95, "resamples": 200, "seed": 1}
    same = compare(tasks, truth, labelled, truth, dict(truth), **asked).tasks["a"]
    assert (same.verdict, same.diff, same.delta_pct) == ("no worse", 0, 0)
    ahead = compare(tasks, truth, labelled, truth, nothing, **asked).tasks["a"]
    assert (ahead.verdict, ahead.diff, ahead.delta_pct) == ("better", 1.0, 100.0)


def test_each_type_is_counted() -> None:
    found = by_type(rows("B-a I-a B-b / B-c"), rows("B-a I-a B-a / O"), ["a", "b", "c"])
    assert [(one["true"], one["predicted"], one["right"]) for one in found] == [(1, 2, 1), (1, 0, 0), (1, 0, 0)]
    assert found[0]["span_f1"] == pytest.approx(2 / 3)
    assert by_type(rows("O"), rows("O"), ["a"])[0]["span_f1"] is None


def test_tags_have_no_calibration() -> None:
    assert calibration_curve("tagging", rows("O"), rows("O")) is None


def test_the_plain_rival_tags_by_a_linear_model() -> None:
    """Words of these sentences tell their tags, so it is hardly ever wrong; the same bytes each time."""
    encodings = mixed()
    parts = [rows_of(encodings, 120, seed) for seed in (1, 2, 3)]
    found, again = (fit_rivals(encodings, *parts) for _ in range(2))
    truth = parts[2].truth(encodings.tasks)
    for task in (one for one in encodings.tasks if one.kind == "tagging"):
        labelled = parts[2].labels(encodings.tasks)[task.name]
        assert point("tagging", truth[task.name][labelled], found[task.name][labelled])["accuracy"].value > 0.95
        assert found[task.name].values.tobytes() == again[task.name].values.tobytes()
        assert np.array_equal(found[task.name].lengths, parts[2].inputs["s"]["tokens"].lengths)


def test_some_rows_at_a_time_have_the_same_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as memory goes: a long row makes only those beside it long."""
    encodings = mixed()
    lengths = np.array([3, 0, 40, 1, 2, 5, 0, 4])
    scores = np.log(np.random.default_rng(1).dirichlet(np.ones(5), int(lengths.sum())))
    task, best_tags, largest = encodings.tasks[0], chain.best_tags, list[tuple[int, ...]]()
    whole = tagger._decoded(task, scores, lengths)

    def watched(grid: Tensor, *rest: Tensor) -> Tensor:
        largest.append(tuple(grid.shape))
        return best_tags(grid, *rest)

    monkeypatch.setattr(tagger, "ROWS", 3)
    monkeypatch.setattr(chain, "best_tags", watched)
    parts = tagger._decoded(task, scores, lengths)
    assert (parts.values.tobytes(), parts.offsets.tobytes()) == (whole.values.tobytes(), whole.offsets.tobytes())
    assert largest == [(3, 40, 5), (3, 5, 5), (2, 4, 5)]
    assert len(tagger._decoded(task, scores[:0], lengths[:0])) == 0


def test_the_rival_is_called_what_it_is() -> None:
    tagging = {"inputs": {"s": {"kind": "tokens"}}, "tasks": {"a": {"kind": "tagging"}}}
    assert plain_rival(tagging) == ("linear tagger", "a linear model a token")
    both = {**tagging, "tasks": {**tagging["tasks"], "b": {"kind": "binary"}}}
    assert plain_rival(both) == ("TF-IDF or linear tagger", "TF-IDF with a linear model, or a linear model a token")
