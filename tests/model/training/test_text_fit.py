"""Training on texts: every network and sharing learns what decides, hidden texts stay hidden, the same seed is the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import TextEncoding, VectorEncoding
from mtl.data.ragged import Ragged
from mtl.network import build_network, predict
from mtl.spec import Model, Training
from mtl.spec.options import SEQUENCE_OPTIONS
from mtl.training import fit
from tests.model.conftest import task
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


def numbers() -> VectorEncoding:
    return VectorEncoding("numbers", {"thing": "table"}, "v", "v", (0.0,) * 3, (1.0,) * 3)


def rows_of(tasks: tuple[Any, ...], rows: int, seed: int) -> AlignedSet:
    """A text with token 5 is positive; the first number of the vector is the other target. A tenth lacks each."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 20, rows)
    lengths[random.random(rows) < 0.1] = 0
    texts = ragged_of([random.integers(2, WORDS, n) for n in lengths])
    has = np.array([5 in texts[i : i + 1].values for i in range(rows)])
    present = random.random(rows) < 0.9
    vectors = np.where(present[:, None], random.normal(size=(rows, 3)), 0).astype(np.float32)
    inputs = {"words": {"tokens": texts, "present": lengths > 0}, "numbers": {"numeric": vectors, "present": present}}
    columns = {"positive": has.astype(np.float32), "amount": vectors[:, 0]}
    targets = np.stack([columns[t.name] for t in tasks], 1).astype(np.float32)
    return AlignedSet(inputs, targets, np.ones(targets.shape, np.bool_), tuple(t.name for t in tasks))


TASKS = (task("positive", "binary", ["words"]), task("amount", "regression", ["words", "numbers"]))
TRAINING = Training(lr=1e-2, batch_size=64, max_epochs=12, patience=12, relatedness=None)


def fitted(encodings: Encodings, model: Model, training: Training = TRAINING) -> Any:
    return fit(encodings, rows_of(TASKS, 600, 0), rows_of(TASKS, 200, 1), model, training)


def encodings_with(network: str = "cnn") -> Encodings:
    return Encodings({"words": words(network), "numbers": numbers()}, TASKS)


@pytest.mark.parametrize("network", list(SEQUENCE_OPTIONS))
def test_what_decides_is_learned(network: str) -> None:
    encodings = encodings_with(network)
    test = rows_of(TASKS, 400, 2)
    found = predict(fitted(encodings, Model(width=16, depth=1, dropout=0.0)).network, encodings, test.inputs)
    there = test.inputs["words"]["present"]
    right = (found["positive"] > 0.5) == test.targets[:, 0].astype(bool)
    assert right[there].mean() > 0.95
    assert np.corrcoef(found["amount"], test.targets[:, 1])[0, 1] > 0.9


@pytest.mark.parametrize("sharing", ["separate", "hybrid", "cross_stitch", "mmoe", "ple", "task_conditioned", "message_passing"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_reads_texts(sharing: str, members: int) -> None:
    short = TRAINING.model_copy(update={"max_epochs": 2})
    model = Model(sharing=sharing, width=8, depth=2, dropout=0.1, members=members)
    done = fitted(encodings_with("gru"), model, short)
    found = predict(done.network, encodings_with("gru"), rows_of(TASKS, 50, 3).inputs)
    assert all(np.isfinite(values).all() for values in found.values())


def test_no_bit_of_a_prediction_moves_with_a_hidden_text() -> None:
    tasks = (task("positive", "binary", ["numbers"]), task("amount", "regression", ["words", "numbers"]))
    encodings = Encodings({"words": words("lstm"), "numbers": numbers()}, tasks)
    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=2, dropout=0.0)).eval()
    rows = rows_of(TASKS, 60, 4).inputs
    tokens, longest = rows["words"]["tokens"], np.full(19, 2, np.int32)
    other = {**rows["words"], "tokens": ragged_of([longest, *(tokens[i : i + 1].values[::2] for i in range(1, 60))])}
    before, after = (predict(network, encodings, {**rows, "words": of}) for of in (rows["words"], other))
    assert np.array_equal(before["positive"], after["positive"])
    assert not np.array_equal(before["amount"], after["amount"])


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_predictions_come_in_the_order_of_the_rows(size: int) -> None:
    encodings = encodings_with("cnn")
    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=1, dropout=0.0)).eval()
    rows = rows_of(TASKS, 40, 6).inputs
    whole = predict(network, encodings, rows, batch_size=size)
    alone = [
        predict(network, encodings, {name: {key: array[i : i + 1] for key, array in of.items()} for name, of in rows.items()})
        for i in range(40)
    ]
    for name in ("positive", "amount"):
        np.testing.assert_allclose(whole[name], np.concatenate([one[name] for one in alone]), atol=1e-5)


def test_the_same_seed_gives_the_same_bits_also_after_a_break(tmp_path: Any) -> None:
    encodings = encodings_with("gru")
    model, rows = Model(width=8, depth=1), (rows_of(TASKS, 200, 0), rows_of(TASKS, 80, 1))
    training = TRAINING.model_copy(update={"max_epochs": 4})
    first = fit(encodings, *rows, model, training)

    class StopError(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        fit(encodings, *rows, model, training, checkpoints=tmp_path, inputs_key="k", progress=stop)
    again = fit(encodings, *rows, model, training, checkpoints=tmp_path, inputs_key="k")
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


@pytest.mark.parametrize("balancing", ["equal", "pcgrad", "upgrad", "gradnorm", "famo"])
@pytest.mark.parametrize("at", ["auto", "parameters"])
def test_a_batch_without_any_text_is_a_batch_like_any_other(balancing: str, at: str) -> None:
    """Tasks of different rows: in most batches of two rows nobody has a text, and in some nobody has anything."""
    tasks = (task("positive", "binary", ["words"]), task("amount", "regression", ["numbers"]))
    encodings = Encodings({"words": words("gru"), "numbers": numbers()}, tasks)
    train, valid = rows_of(tasks, 60, 0), rows_of(tasks, 40, 1)
    for rows in (train, valid):
        few = np.arange(rows.rows) % 5 == 0
        rows.labelled[:, 0], rows.labelled[:, 1] = few, ~few
        kept = rows.inputs["words"]["tokens"][few]
        lengths = np.zeros(rows.rows, np.int64)
        lengths[few] = kept.lengths
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows.inputs["words"] = {"tokens": Ragged(kept.values, offsets), "present": lengths > 0}
    asked = Training(balancing=balancing, at=at, batch_size=2, max_epochs=2, lr=1e-3)
    done = fit(encodings, train, valid, Model(width=8, depth=1), asked)
    assert all(torch.isfinite(p).all() for p in done.network.parameters())


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_a_task_without_a_label_in_valid_stops_nobody(sharing: str) -> None:
    train, valid = rows_of(TASKS, 100, 0), rows_of(TASKS, 40, 1)
    valid.labelled[:, 0] = False
    done = fit(
        encodings_with(), train, valid, Model(sharing=sharing, width=8, depth=1), TRAINING.model_copy(update={"max_epochs": 2})
    )
    assert all(torch.isfinite(p).all() for p in done.network.parameters())


def test_a_task_that_may_not_see_the_text_costs_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a place in a batch that no row of the task fills."""
    from mtl.network.encoders.text import Text

    tasks = (task("positive", "binary", ["words"]), task("amount", "regression", ["numbers"]))
    encodings = Encodings({"words": words(), "numbers": numbers()}, tasks)
    rows = rows_of(tasks, 80, 0)
    rows.labelled[20:, 0] = False  # the other task has four times as many rows
    read: list[int] = []
    whole = Text._of_copy

    def counted(self: Text, layout: Any, tokens: Any, *weights: Any) -> Any:
        read.append(len(tokens))
        return whole(self, layout, tokens, *weights)

    monkeypatch.setattr(Text, "_of_copy", counted)
    asked = Training(max_epochs=1, batch_size=16, relatedness=None)
    fit(encodings, rows, rows, Model(sharing="separate", width=8, depth=1), asked)
    assert sum(read) == 2 * int(rows.inputs["words"]["tokens"].offsets[20])  # once to learn, once as valid


def test_a_batch_that_nobody_learns_from_is_bounded_in_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.network import ragged
    from mtl.network.encoders.text import Text

    monkeypatch.setattr(ragged, "TOKENS", 100)
    encodings, sizes = encodings_with(), list[int]()
    whole = Text._read

    def watched(self: Text, tokens: Any) -> Any:
        sizes.append(tokens.numel())
        return whole(self, tokens)

    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=1)).eval()
    monkeypatch.setattr(Text, "_read", watched)
    predict(network, encodings, rows_of(TASKS, 200, 0).inputs)
    assert max(sizes) <= 100
