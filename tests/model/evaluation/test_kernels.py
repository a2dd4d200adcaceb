"""Support vector machines on pixels: what they read, every kind of task, odd data, the same each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import ImageEncoding
from mtl.evaluation import kernels, pixels
from mtl.evaluation.pixels import smaller, with_pixels
from mtl.evaluation.rivals import fit_rivals

Array = np.ndarray[Any, Any]
SIDE = 6


def picture(size: tuple[int, int] = (SIDE, SIDE), channels: int = 1) -> ImageEncoding:
    scale = (100.0,) * channels, (50.0,) * channels
    return ImageEncoding("photo", {"person": "people"}, "p", "p", None, 10**6, size, *scale, "cnn")


def a_set(random: np.random.Generator, rows: int, tasks: list[Any], share: float = 0.9) -> AlignedSet:
    """Targets follow how bright the left half of the picture is (and class numbers cut it)."""
    level = random.random(rows)
    shown = random.integers(0, 60, (rows, SIDE, SIDE, 1)).astype(np.uint8)
    shown[:, :, : SIDE // 2] += (150 * level)[:, None, None, None].astype(np.uint8)
    inputs = {
        "photo": {"pixels": shown, "present": np.ones(rows, np.bool_)},
        "facts": {"numeric": random.normal(size=(rows, 2)).astype(np.float32), "present": np.ones(rows, np.bool_)},
    }
    columns = {
        "regression": level,
        "binary": level > 0.4,
        "multiclass": np.digitize(level, [0.3, 0.7]),
        "count": np.floor(9 * level),
    }
    columns["ordinal"] = columns["multiclass"]
    targets = np.stack([columns[t.kind].astype(np.float32) for t in tasks], axis=1)
    labelled = random.random(targets.shape) < share
    return AlignedSet(inputs, np.where(labelled, targets, 0).astype(np.float32), labelled, tuple(t.name for t in tasks))


def fitted(tasks: list[Any], rows: int = 300, seed: int = 0, share: float = 0.9) -> tuple[dict[str, Array], AlignedSet]:
    random = np.random.default_rng(seed)
    train, valid, test = (a_set(random, n, tasks, share) for n in (rows, rows // 4 + 1, 150))
    return fit_rivals(Encodings({"photo": picture()}, tuple(tasks)), train, valid, test), test


@pytest.fixture
def tasks(make_task: Any) -> list[Any]:
    kinds = {"regression": {"mean": 50.0, "std": 10.0}, "binary": {}, "multiclass": {}, "ordinal": {}}
    return [make_task(kind, kind, inputs=("photo",), **more) for kind, more in kinds.items()]


def test_they_learn_each_kind_in_its_own_unit(tasks: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.evaluation.rivals.fit_trees", lambda *_: pytest.fail("trees"))
    predictions, test = fitted(tasks, share=1.0)
    truth = test.truth(tasks)
    assert np.corrcoef(truth["regression"], predictions["regression"])[0, 1] > 0.9
    assert 45 < predictions["regression"].mean() < 60
    assert ((predictions["binary"] > 0.5) == truth["binary"]).mean() > 0.9
    for kind in ("multiclass", "ordinal"):
        assert predictions[kind].shape == (150, 3)
        np.testing.assert_allclose(predictions[kind].sum(axis=1), 1)
        assert (predictions[kind].argmax(axis=1) == truth[kind]).mean() > 0.85


def test_their_probabilities_are_to_be_believed(make_task: Any) -> None:
    """Where labels are half chance, nothing is certain."""
    task = make_task("a", "binary", inputs=("photo",))
    random = np.random.default_rng(0)
    sides = [a_set(random, rows, [task], share=1.0) for rows in (400, 200, 400)]
    for one in sides:
        wrong = random.random(one.rows) < 0.3
        one.targets[wrong, 0] = 1 - one.targets[wrong, 0]
    probability = fit_rivals(Encodings({"photo": picture()}, (task,)), *sides)["a"]
    said = np.maximum(probability, 1 - probability)
    right = (probability > 0.5) == sides[2].targets[:, 0]
    assert abs(said.mean() - right.mean()) < 0.06


def test_other_inputs_stand_beside_and_other_kinds_have_trees(make_task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    both, count = make_task("both", "binary", inputs=("facts", "photo")), make_task("n", "count", inputs=("photo",), classes=())
    seen = []
    monkeypatch.setattr("mtl.evaluation.rivals.fit_kernel", lambda task, X, *_: seen.append(X[2].shape) or np.zeros(150))
    predictions, test = fitted([both, count])
    assert seen == [(150, 2 + SIDE**2)]
    assert np.corrcoef(test.truth([count])["n"], predictions["n"])[0, 1] > 0.8


def test_the_same_each_time(tasks: list[Any]) -> None:
    first, again = fitted(tasks)[0], fitted(tasks)[0]
    assert all(np.array_equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize(("rows", "share"), [(1, 1.0), (2, 0.5), (3, 0.0), (12, 0.3)])
def test_hardly_any_label_is_no_error(tasks: list[Any], rows: int, share: float) -> None:
    predictions, _ = fitted(tasks, rows, share=share)
    assert all(np.isfinite(values).all() for values in predictions.values())


def test_a_class_that_nobody_has_is_never_predicted(make_task: Any) -> None:
    task = make_task("a", "multiclass", inputs=("photo",), classes=("low", "middle", "high", "never"))
    predictions, _ = fitted([task])
    assert predictions["a"].shape == (150, 4)
    assert not predictions["a"][:, 3].any()


def test_no_more_rows_than_the_limit(tasks: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LIMIT", 40)
    predictions, test = fitted(tasks, share=1.0)
    assert ((predictions["binary"] > 0.5) == test.truth(tasks)["binary"]).mean() > 0.8


@pytest.mark.parametrize(("size", "channels"), [((36, 36), 1), ((64, 48), 3), ((300, 2), 1), ((5, 7), 3)])
def test_pictures_become_few_numbers(size: tuple[int, int], channels: int) -> None:
    """A small one stays as it is; of a larger one every number is a mean, so that their mean is the picture's."""
    random = np.random.default_rng(0)
    shown = random.integers(0, 256, (3, *size, channels)).astype(np.uint8)
    arrays = {"pixels": shown, "present": np.array([True, True, False])}
    found = smaller(picture(size, channels), arrays)
    assert found.shape[1] <= pixels.MOST
    scaled = (shown.astype(np.float64) - 100) / 50
    means = found.reshape(3, -1, channels).mean(1)
    np.testing.assert_allclose(means[:2], scaled.mean((1, 2))[:2], atol=1e-4)
    assert not found[2].any()
    if size[0] * size[1] * channels <= pixels.MOST:
        np.testing.assert_allclose(found[0], scaled[0].ravel(), atol=1e-4)


def test_however_many_are_made_smaller_together(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 1)).astype(np.uint8)
    arrays = {"photo": {"pixels": shown, "present": np.ones(5, np.bool_)}}
    one = {"photo": picture((40, 40))}
    (whole,) = with_pixels(one, [arrays])
    monkeypatch.setattr(pixels, "ROWS", 2)
    (parts,) = with_pixels(one, [arrays])
    np.testing.assert_array_equal(whole["photo"]["numeric"], parts["photo"]["numeric"])
    assert "numeric" not in arrays["photo"]
