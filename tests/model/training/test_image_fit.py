"""Training on pictures: every sharing learns what decides, hidden pictures stay hidden, the same seed is the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs import ImageEncoding
from mtl.network.encoders.image import Image
from mtl.spec import Model, Training
from mtl.training import Fitted, fit
from tests.model.conftest import noted
from tests.model.training import reading
from tests.model.training.reading import fresh, numbers, part, rows_with, same_weights, seen_by, small

SIDE = 8
OPTIONS: dict[str, float] = {"width": 8, "stages": 2, "blocks": 1, "grid": 2}
SHAKEN = {"flip": 0.0, "shift": 1.0, "rotate": 5.0}


def picture(augment: dict[str, float]) -> ImageEncoding:
    return ImageEncoding(
        "picture", {"thing": "table"}, "p", "p", None, 10**6, (SIDE, SIDE), (60.0,), (60.0,), "cnn", OPTIONS, augment
    )  # fmt: skip


def rows_of(rows: int, seed: int) -> AlignedSet:
    """A picture whose bright spot lies in its upper half is positive. A tenth lacks it."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 100, (rows, SIDE, SIDE, 1), np.uint8)
    high, wide = random.choice([1, 5], rows), random.integers(1, 6, rows)
    for row, (y, x) in enumerate(zip(high, wide, strict=True)):
        pixels[row, y : y + 2, x : x + 2] = 255
    seen = random.random(rows) < 0.9
    pixels[~seen] = 0
    return rows_with("picture", {"pixels": pixels, "present": seen}, high < SIDE // 2, random)


TASKS = seen_by(["picture"], ["picture", "numbers"])
APART = seen_by(["picture"], ["numbers"])
TRAINING = Training(lr=1e-2, batch_size=64, max_epochs=8, patience=8, relatedness=None)


def encodings_of(tasks: Sequence[TaskEncoding] = TASKS, augment: dict[str, float] = SHAKEN) -> Encodings:
    return Encodings({"picture": picture(augment), "numbers": numbers()}, tuple(tasks))


def fitted(model: Model, training: Training = TRAINING) -> Fitted:
    return fit(encodings_of(), rows_of(400, 0), rows_of(100, 1), model, training)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_what_decides_is_learned(precision: str) -> None:
    done = fitted(Model(width=16, depth=1, dropout=0.0), TRAINING.model_copy(update={"precision": precision}))
    reading.check_learned(done.network, encodings_of(), rows_of(300, 2), 0.95, 0.8)


@pytest.mark.parametrize("sharing", ["separate", "hybrid", "cross_stitch", "mmoe", "ple", "task_conditioned", "message_passing"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_reads_pictures(sharing: str, members: int) -> None:
    model = small(sharing=sharing, depth=2, dropout=0.1, members=members)
    done = fitted(model, TRAINING.model_copy(update={"max_epochs": 1}))
    reading.check_finite(done.network, encodings_of(), rows_of(50, 3).inputs)


def test_no_bit_of_a_prediction_moves_with_a_hidden_picture() -> None:
    encodings, rows = encodings_of(seen_by(["numbers"], ["picture", "numbers"])), rows_of(60, 4).inputs
    other = {"pixels": 255 - rows["picture"]["pixels"], "present": np.arange(60) % 2 == 0}
    reading.check_hidden(fresh(encodings, depth=2), encodings, rows, {"picture": other})


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_one_row_is_predicted_as_in_a_batch(size: int) -> None:
    """Up to rounding, and in the order of the rows; nothing is changed at random."""
    reading.check_order(fresh(encodings_of(), dropout=0.3), encodings_of(), rows_of(40, 6), size)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_the_same_seed_gives_the_same_bits_also_after_a_break(tmp_path: Path, sharing: str) -> None:
    """Pictures are changed anew in each epoch, and after a break as without one."""
    model, train, valid = small(sharing=sharing), rows_of(200, 0), rows_of(80, 1)
    training = TRAINING.model_copy(update={"max_epochs": 4})
    first = reading.check_break(encodings_of(), (train, valid), model, training, tmp_path)
    still = encodings_of(augment=dict.fromkeys(SHAKEN, 0.0))
    assert not same_weights(first, fit(still, train, valid, model, training))


@pytest.mark.parametrize("balancing", ["equal", "pcgrad", "gradnorm", "famo"])
@pytest.mark.parametrize("at", ["auto", "parameters"])
def test_a_batch_without_any_picture_is_a_batch_like_any_other(balancing: str, at: str) -> None:
    sides = rows_of(60, 0), rows_of(40, 1)
    for rows in sides:
        rows.inputs["picture"]["present"][~part(rows)] = False
    reading.check_empty_batches(encodings_of(APART), sides, balancing=balancing, at=at)


def test_only_pictures_that_somebody_looks_at_cost_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of a task that may not see them, nor a place in a batch that no row of the task fills."""
    rows, seen = rows_of(80, 0), noted(monkeypatch, Image, "_of_copy", lambda x, *more: len(x))
    rows.labelled[20:, 0] = False  # the other task has four times as many rows
    asked = Training(max_epochs=1, batch_size=16, relatedness=None)
    fit(encodings_of(APART), rows, rows, small(sharing="separate"), asked)
    assert sum(seen) == 2 * int(rows.inputs["picture"]["present"][:20].sum())  # once to learn, once as valid


def test_pictures_of_tasks_that_share_no_rows_are_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, seen = rows_of(80, 0), noted(monkeypatch, Image, "_of_copy", lambda x, *more: len(x))
    rows.inputs["picture"]["present"][40:] = False
    fit(encodings_of(APART), rows, rows, small(), Training(max_epochs=1, batch_size=16, relatedness=None))
    assert sum(seen) == 2 * int(rows.inputs["picture"]["present"].sum())
