"""Training on texts: every network and sharing learns what decides, hidden texts stay hidden, the same seed is the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs import TextEncoding
from mtl.network import predict, ragged
from mtl.network.encoders.text import Text
from mtl.spec import Model, Training
from mtl.spec.options import SEQUENCE_OPTIONS
from mtl.training import Fitted, fit
from tests.model.conftest import noted
from tests.model.training import reading
from tests.model.training.reading import emptied, fresh, numbers, part, rows_with, seen_by, small
from tests.ragged import ragged_of

WORDS = 12
JSON = ""


class Known(TextEncoding):
    """A text encoding whose tokens are there already."""

    @property
    def vocabulary(self) -> int:
        return WORDS


def words(network: str = "cnn", **options: float) -> TextEncoding:
    small = {name: min(value, 8) for name, value in SEQUENCE_OPTIONS[network].items()}
    return Known("words", {"thing": "table"}, "t", "t", JSON, 64, network, "max", {**small, "heads": 2, **options})


def rows_of(rows: int, seed: int) -> AlignedSet:
    """A text with token 5 is positive. A tenth lacks it."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 20, rows)
    lengths[random.random(rows) < 0.1] = 0
    texts = ragged_of([random.integers(2, WORDS, n) for n in lengths])
    has = np.array([5 in texts[i : i + 1].values for i in range(rows)])
    return rows_with("words", {"tokens": texts, "present": lengths > 0}, has, random)


TASKS = seen_by(["words"], ["words", "numbers"])
APART = seen_by(["words"], ["numbers"])
TRAINING = Training(lr=1e-2, batch_size=64, max_epochs=12, patience=12, relatedness=None)
SHORT = TRAINING.model_copy(update={"max_epochs": 1})


def encodings_of(network: str = "cnn", tasks: Sequence[TaskEncoding] = TASKS) -> Encodings:
    return Encodings({"words": words(network), "numbers": numbers()}, tuple(tasks))


def fitted(encodings: Encodings, model: Model, training: Training = TRAINING) -> Fitted:
    return fit(encodings, rows_of(600, 0), rows_of(200, 1), model, training)


@pytest.mark.parametrize("network", list(SEQUENCE_OPTIONS))
def test_what_decides_is_learned(network: str) -> None:
    encodings = encodings_of(network)
    done = fitted(encodings, Model(width=16, depth=1, dropout=0.0))
    reading.check_learned(done.network, encodings, rows_of(400, 2), 0.95, 0.9)


@pytest.mark.parametrize("sharing", ["separate", "hybrid", "cross_stitch", "mmoe", "ple", "task_conditioned", "message_passing"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_reads_texts(sharing: str, members: int) -> None:
    model = small(sharing=sharing, depth=2, dropout=0.1, members=members)
    reading.check_finite(fitted(encodings_of("gru"), model, SHORT).network, encodings_of("gru"), rows_of(50, 3).inputs)


def test_no_bit_of_a_prediction_moves_with_a_hidden_text() -> None:
    encodings, rows = encodings_of("lstm", seen_by(["numbers"], ["words", "numbers"])), rows_of(60, 4).inputs
    tokens, longest = rows["words"]["tokens"], np.full(19, 2, np.int32)
    other = {**rows["words"], "tokens": ragged_of([longest, *(tokens[i : i + 1].values[::2] for i in range(1, 60))])}
    reading.check_hidden(fresh(encodings, depth=2), encodings, rows, {"words": other})


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_predictions_come_in_the_order_of_the_rows(size: int) -> None:
    reading.check_order(fresh(encodings_of()), encodings_of(), rows_of(40, 6), size)


def test_the_same_seed_gives_the_same_bits_also_after_a_break(tmp_path: Path) -> None:
    training = TRAINING.model_copy(update={"max_epochs": 4})
    reading.check_break(encodings_of("gru"), (rows_of(200, 0), rows_of(80, 1)), small(), training, tmp_path)


@pytest.mark.parametrize("balancing", ["equal", "pcgrad", "upgrad", "gradnorm", "famo"])
@pytest.mark.parametrize("at", ["auto", "parameters"])
def test_a_batch_without_any_text_is_a_batch_like_any_other(balancing: str, at: str) -> None:
    """Tasks of different rows: in most batches of two rows nobody has a text, and in some nobody has anything."""
    sides = rows_of(60, 0), rows_of(40, 1)
    for rows in sides:
        tokens = emptied(rows.inputs["words"]["tokens"], part(rows))
        rows.inputs["words"] = {"tokens": tokens, "present": tokens.lengths > 0}
    reading.check_empty_batches(encodings_of("gru", APART), sides, epochs=2, balancing=balancing, at=at)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_a_task_without_a_label_in_valid_stops_nobody(sharing: str) -> None:
    train, valid = rows_of(100, 0), rows_of(40, 1)
    valid.labelled[:, 0] = False
    done = fit(encodings_of(), train, valid, small(sharing=sharing), SHORT)
    assert all(torch.isfinite(p).all() for p in done.network.parameters())


def test_a_task_that_may_not_see_the_text_costs_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a place in a batch that no row of the task fills."""
    rows = rows_of(80, 0)
    rows.labelled[20:, 0] = False  # the other task has four times as many rows
    read = noted(monkeypatch, Text, "_of_copy", lambda layout, tokens, *weights: len(tokens))
    asked = Training(max_epochs=1, batch_size=16, relatedness=None)
    fit(encodings_of(tasks=APART), rows, rows, small(sharing="separate"), asked)
    assert sum(read) == 2 * int(rows.inputs["words"]["tokens"].offsets[20])  # once to learn, once as valid


def test_a_batch_that_nobody_learns_from_is_bounded_in_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragged, "TOKENS", 100)
    sizes = noted(monkeypatch, Text, "_read", lambda tokens: tokens.numel())
    predict(fresh(encodings_of()), encodings_of(), rows_of(200, 0).inputs)
    assert max(sizes) <= 100
