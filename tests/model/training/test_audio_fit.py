"""Training on recordings: networks and sharings learn what decides, hidden ones stay hidden, the same seed is the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import AudioEncoding, VectorEncoding
from mtl.data.ragged import Ragged
from mtl.network import build_network, predict
from mtl.network.encoders.audio import Audio
from mtl.spec import Model, Training
from mtl.spec.options import SOUND_OPTIONS
from mtl.training import fit
from tests.model.conftest import task
from tests.sounds import RATE, tone

AUGMENT = {"masks": 1.0, "band": 0.2, "span": 0.2, "warp": 0.05}


def sound(network: str = "cnn") -> AudioEncoding:
    small = {name: min(value, 4) for name, value in SOUND_OPTIONS[network].items()}
    return AudioEncoding(
        "sound", {"thing": "table"}, "s", "s", "pcm16", RATE, 1.0, 10.0, 16, 25.0, 10.0, network, "max", small, AUGMENT
    )  # fmt: skip


def numbers() -> VectorEncoding:
    return VectorEncoding("numbers", {"thing": "table"}, "v", "v", (0.0,) * 3, (1.0,) * 3)


def ragged(waves: list[np.ndarray[Any, Any]]) -> Ragged:
    return Ragged.of_lengths(np.concatenate([np.zeros(0, np.int16), *waves]), np.array([len(one) for one in waves], np.int64))


def rows_of(tasks: tuple[Any, ...], rows: int, seed: int) -> AlignedSet:
    """A high tone is positive; the first number of the vector is the other target. A tenth lacks each."""
    random = np.random.default_rng(seed)
    high, there = random.random(rows) < 0.5, random.random(rows) < 0.9
    hertz = np.where(high, random.uniform(1500, 2500, rows), random.uniform(300, 600, rows))
    waves = [tone(f, s, loud=a) for f, s, a in zip(hertz, random.uniform(0.05, 0.3, rows), random.uniform(0.01, 0.5, rows))]
    heard = ragged([one if known else one[:0] for one, known in zip(waves, there)])
    present = random.random(rows) < 0.9
    vectors = np.where(present[:, None], random.normal(size=(rows, 3)), 0).astype(np.float32)
    inputs = {"sound": {"samples": heard, "present": there}, "numbers": {"numeric": vectors, "present": present}}
    columns = {"positive": high.astype(np.float32), "amount": vectors[:, 0]}
    targets = np.stack([columns[t.name] for t in tasks], 1).astype(np.float32)
    return AlignedSet(inputs, targets, np.ones(targets.shape, np.bool_), tuple(t.name for t in tasks))


TASKS = (task("positive", "binary", ["sound"]), task("amount", "regression", ["sound", "numbers"]))
TRAINING = Training(lr=1e-2, batch_size=32, max_epochs=6, patience=12, relatedness=None)
SHORT = TRAINING.model_copy(update={"max_epochs": 2})


def encodings_with(network: str = "cnn") -> Encodings:
    return Encodings({"sound": sound(network), "numbers": numbers()}, TASKS)


def fitted(encodings: Encodings, model: Model, training: Training = TRAINING, rows: int = 200) -> Any:
    return fit(encodings, rows_of(TASKS, rows, 0), rows_of(TASKS, 100, 1), model, training)


@pytest.mark.parametrize("network", list(SOUND_OPTIONS))
def test_what_decides_is_learned(network: str) -> None:
    """However loud and long it is."""
    encodings, test = encodings_with(network), rows_of(TASKS, 200, 2)
    found = predict(fitted(encodings, Model(width=16, depth=1, dropout=0.0)).network, encodings, test.inputs)
    there = test.inputs["sound"]["present"]
    right = (found["positive"] > 0.5) == test.targets[:, 0].astype(bool)
    assert right[there].mean() > 0.97
    assert np.corrcoef(found["amount"], test.targets[:, 1])[0, 1] > 0.9


@pytest.mark.parametrize("sharing", ["separate", "hybrid", "cross_stitch", "mmoe", "task_conditioned", "message_passing"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_hears(sharing: str, members: int) -> None:
    model = Model(sharing=sharing, width=8, depth=2, dropout=0.1, members=members)
    done = fitted(encodings_with("crnn"), model, SHORT, 60)
    found = predict(done.network, encodings_with("crnn"), rows_of(TASKS, 30, 3).inputs)
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_no_bit_of_a_prediction_moves_with_a_hidden_recording(sharing: str) -> None:
    tasks = (task("positive", "binary", ["numbers"]), task("amount", "regression", ["sound", "numbers"]))
    encodings = Encodings({"sound": sound(), "numbers": numbers()}, tasks)
    torch.manual_seed(0)
    network = build_network(encodings, Model(sharing=sharing, width=8, depth=2, dropout=0.0)).eval()
    rows = rows_of(TASKS, 40, 4).inputs
    random = np.random.default_rng(0)
    other = ragged([(3000 * random.normal(size=random.integers(0, 4000))).astype(np.int16) for _ in range(40)])
    changed = {**rows, "sound": {"samples": other, "present": other.lengths > 0}}
    before, after = (predict(network, encodings, of) for of in (rows, changed))
    assert np.array_equal(before["positive"], after["positive"])
    assert not np.array_equal(before["amount"], after["amount"])


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_predictions_come_in_the_order_of_the_rows(size: int) -> None:
    encodings = encodings_with("crnn")
    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=1, dropout=0.0)).eval()
    rows = rows_of(TASKS, 20, 6).inputs
    whole = predict(network, encodings, rows, batch_size=size)
    for i in range(20):
        alone = {name: {key: array[i : i + 1] for key, array in of.items()} for name, of in rows.items()}
        for name, values in predict(network, encodings, alone).items():
            np.testing.assert_allclose(whole[name][i], values[0], atol=1e-4)


@pytest.mark.parametrize("balancing", ["equal", "pcgrad", "famo"])
def test_the_same_seed_gives_the_same_bits_also_after_a_break(tmp_path: Any, balancing: str) -> None:
    """With every kind of chance: order, dropout, masks, warping. One balancing looks at each batch a second time."""
    encodings = encodings_with()
    model, rows = Model(width=8, depth=1, dropout=0.2), (rows_of(TASKS, 100, 0), rows_of(TASKS, 40, 1))
    training = TRAINING.model_copy(update={"max_epochs": 3, "balancing": balancing})
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
    plain = {**encodings.inputs, "sound": replace(sound(), augment=dict.fromkeys(AUGMENT, 0.0))}
    other = fit(replace(encodings, inputs=plain), *rows, model, training)
    assert any(not torch.equal(value, other.network.state_dict()[name]) for name, value in first.network.state_dict().items())


@pytest.mark.parametrize("at", ["auto", "parameters"])
def test_a_batch_without_any_recording_is_a_batch_like_any_other(at: str) -> None:
    """Tasks of different rows: in most batches of two rows nobody is heard, and in some nobody has anything."""
    tasks = (task("positive", "binary", ["sound"]), task("amount", "regression", ["numbers"]))
    encodings = Encodings({"sound": sound("crnn"), "numbers": numbers()}, tasks)
    sides = []
    for seed in (0, 1):
        rows = rows_of(tasks, 40, seed)
        few = np.arange(40) % 5 == 0
        rows.labelled[:, 0], rows.labelled[:, 1] = few, ~few
        samples = rows.inputs["sound"]["samples"]
        kept = ragged([samples[i : i + 1].values if few[i] else samples.values[:0] for i in range(40)])
        rows.inputs["sound"] = {"samples": kept, "present": kept.lengths > 0}
        sides.append(rows)
    asked = Training(balancing="upgrad", at=at, batch_size=2, max_epochs=1, lr=1e-3)
    done = fit(encodings, *sides, Model(width=8, depth=1), asked)
    assert all(torch.isfinite(p).all() for p in done.network.parameters())


def test_a_task_that_may_not_hear_costs_no_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a place in a batch that no row of the task fills."""
    tasks = (task("positive", "binary", ["sound"]), task("amount", "regression", ["numbers"]))
    encodings, rows = Encodings({"sound": sound(), "numbers": numbers()}, tasks), rows_of(tasks, 40, 0)
    rows.labelled[10:, 0] = False  # the other task has four times as many rows
    heard: list[int] = []
    whole = Audio._mels

    def counted(self: Audio, blocks: Any, layout: Any) -> Any:
        heard.append(len(layout.lengths))
        return whole(self, blocks, layout)

    monkeypatch.setattr(Audio, "_mels", counted)
    asked = Training(max_epochs=1, batch_size=16, relatedness=None)
    fit(encodings, rows, rows, Model(sharing="separate", width=8, depth=1), asked)
    assert sum(heard) == 2 * int(rows.inputs["sound"]["present"][:10].sum())  # once to learn, once as valid


def test_a_batch_that_nobody_learns_from_is_bounded_in_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments, not samples: 8,000 of them are a second."""
    from mtl.network import ragged as held

    monkeypatch.setattr(held, "TOKENS", 120)
    encodings, sizes = encodings_with(), list[int]()
    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=1)).eval()
    whole = Audio._pooled

    def watched(self: Audio, blocks: Any, lengths: Any) -> Any:
        sizes.append(blocks.shape[1] * blocks.shape[2])
        return whole(self, blocks, lengths)

    monkeypatch.setattr(Audio, "_pooled", watched)
    predict(network, encodings, rows_of(TASKS, 60, 0).inputs)
    assert max(sizes) <= 120
    assert len(sizes) == 60 // (120 // 30)  # at most 30 moments each
