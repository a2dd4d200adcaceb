"""Training on recordings: networks and sharings learn what decides, hidden ones stay hidden, the same seed is the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs import AudioEncoding
from mtl.data.ragged import Ragged
from mtl.network import predict
from mtl.network import ragged as held
from mtl.network.encoders.audio import Audio
from mtl.spec import Model, Training
from mtl.spec.options import SOUND_OPTIONS
from mtl.training import Fitted, fit
from tests.model.conftest import noted
from tests.model.training import reading
from tests.model.training.reading import emptied, fresh, numbers, part, rows_with, same_weights, seen_by, small
from tests.sounds import RATE, tone

AUGMENT = {"masks": 1.0, "band": 0.2, "span": 0.2, "warp": 0.05}


def sound(network: str = "cnn", augment: Mapping[str, float] = AUGMENT) -> AudioEncoding:
    small = {name: min(value, 4) for name, value in SOUND_OPTIONS[network].items()}
    return AudioEncoding(
        "sound", {"thing": "table"}, "s", "s", "pcm16", RATE, 1.0, 10.0, 16, 25.0, 10.0, network, "max", small, dict(augment)
    )  # fmt: skip


def ragged(waves: list[np.ndarray[Any, Any]]) -> Ragged:
    return Ragged.of_lengths(np.concatenate([np.zeros(0, np.int16), *waves]), np.array([len(one) for one in waves], np.int64))


def rows_of(rows: int, seed: int) -> AlignedSet:
    """A high tone is positive. A tenth lacks it."""
    random = np.random.default_rng(seed)
    high, there = random.random(rows) < 0.5, random.random(rows) < 0.9
    hertz = np.where(high, random.uniform(1500, 2500, rows), random.uniform(300, 600, rows))
    waves = [tone(f, s, loud=a) for f, s, a in zip(hertz, random.uniform(0.05, 0.3, rows), random.uniform(0.01, 0.5, rows))]
    heard = ragged([one if known else one[:0] for one, known in zip(waves, there)])
    return rows_with("sound", {"samples": heard, "present": there}, high, random)


TASKS = seen_by(["sound"], ["sound", "numbers"])
APART = seen_by(["sound"], ["numbers"])
TRAINING = Training(lr=1e-2, batch_size=32, max_epochs=6, patience=12, relatedness=None)
SHORT = TRAINING.model_copy(update={"max_epochs": 2})


def encodings_of(network: str = "cnn", tasks: Sequence[TaskEncoding] = TASKS, augment: Mapping[str, float] = AUGMENT) -> Encodings:
    return Encodings({"sound": sound(network, augment), "numbers": numbers()}, tuple(tasks))


def fitted(encodings: Encodings, model: Model, training: Training = TRAINING, rows: int = 200) -> Fitted:
    return fit(encodings, rows_of(rows, 0), rows_of(100, 1), model, training)


@pytest.mark.parametrize("network", list(SOUND_OPTIONS))
def test_what_decides_is_learned(network: str) -> None:
    """However loud and long it is."""
    encodings = encodings_of(network)
    done = fitted(encodings, Model(width=16, depth=1, dropout=0.0))
    reading.check_learned(done.network, encodings, rows_of(200, 2), 0.97, 0.9)


@pytest.mark.parametrize("sharing", ["separate", "hybrid", "cross_stitch", "mmoe", "task_conditioned", "message_passing"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_hears(sharing: str, members: int) -> None:
    encodings, model = encodings_of("crnn"), small(sharing=sharing, depth=2, dropout=0.1, members=members)
    reading.check_finite(fitted(encodings, model, SHORT, 60).network, encodings, rows_of(30, 3).inputs)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_no_bit_of_a_prediction_moves_with_a_hidden_recording(sharing: str) -> None:
    encodings, random = encodings_of(tasks=seen_by(["numbers"], ["sound", "numbers"])), np.random.default_rng(0)
    other = ragged([(3000 * random.normal(size=random.integers(0, 4000))).astype(np.int16) for _ in range(40)])
    changed = {"sound": {"samples": other, "present": other.lengths > 0}}
    reading.check_hidden(fresh(encodings, depth=2, sharing=sharing), encodings, rows_of(40, 4).inputs, changed)


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_predictions_come_in_the_order_of_the_rows(size: int) -> None:
    reading.check_order(fresh(encodings_of("crnn")), encodings_of("crnn"), rows_of(20, 6), size, 1e-4)


@pytest.mark.parametrize("balancing", ["equal", "pcgrad", "famo"])
def test_the_same_seed_gives_the_same_bits_also_after_a_break(tmp_path: Path, balancing: str) -> None:
    """With every kind of chance: order, dropout, masks, warping. One balancing looks at each batch a second time."""
    model, train, valid = small(dropout=0.2), rows_of(100, 0), rows_of(40, 1)
    training = TRAINING.model_copy(update={"max_epochs": 3, "balancing": balancing})
    first = reading.check_break(encodings_of(), (train, valid), model, training, tmp_path)
    plain = encodings_of(augment=dict.fromkeys(AUGMENT, 0.0))
    assert not same_weights(first, fit(plain, train, valid, model, training))


@pytest.mark.parametrize("at", ["auto", "parameters"])
def test_a_batch_without_any_recording_is_a_batch_like_any_other(at: str) -> None:
    """Tasks of different rows: in most batches of two rows nobody is heard, and in some nobody has anything."""
    sides = rows_of(40, 0), rows_of(40, 1)
    for rows in sides:
        samples = emptied(rows.inputs["sound"]["samples"], part(rows))
        rows.inputs["sound"] = {"samples": samples, "present": samples.lengths > 0}
    reading.check_empty_batches(encodings_of("crnn", APART), sides, balancing="upgrad", at=at)


def test_a_task_that_may_not_hear_costs_no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a place in a batch that no row of the task fills."""
    rows = rows_of(40, 0)
    rows.labelled[10:, 0] = False  # the other task has four times as many rows
    heard = noted(monkeypatch, Audio, "_mels", lambda blocks, layout: len(layout.lengths))
    asked = Training(max_epochs=1, batch_size=16, relatedness=None)
    fit(encodings_of(tasks=APART), rows, rows, small(sharing="separate"), asked)
    assert sum(heard) == 2 * int(rows.inputs["sound"]["present"][:10].sum())  # once to learn, once as valid


def test_a_batch_that_nobody_learns_from_is_bounded_in_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments, not samples: 8,000 of them are a second."""
    monkeypatch.setattr(held, "TOKENS", 120)
    sizes = noted(monkeypatch, Audio, "_pooled", lambda blocks, lengths: blocks.shape[1] * blocks.shape[2])
    predict(fresh(encodings_of()), encodings_of(), rows_of(60, 0).inputs)
    assert max(sizes) <= 120
    assert len(sizes) == 60 // (120 // 30)  # at most 30 moments each
