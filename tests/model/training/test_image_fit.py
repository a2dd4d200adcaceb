"""Training on pictures: every sharing learns what decides, hidden pictures stay hidden, the same seed is the same bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.data.inputs import ImageEncoding, VectorEncoding
from mtl.network import build_network, predict
from mtl.network.encoders.image import Image
from mtl.spec import Model, Training
from mtl.training import fit
from tests.model.conftest import task

SIDE = 8
OPTIONS = {"width": 8, "stages": 2, "blocks": 1, "grid": 2}
SHAKEN = {"flip": 0.0, "shift": 1.0, "rotate": 5.0}


def picture(augment: dict[str, float] = SHAKEN) -> ImageEncoding:
    fields = {"shape": None, "max_pixels": 10**6, "size": (SIDE, SIDE), "mean": (60.0,), "std": (60.0,)}
    return ImageEncoding("picture", {"thing": "table"}, "p", "p", **fields, network="cnn", options=OPTIONS, augment=augment)  # type: ignore[arg-type]


def numbers() -> VectorEncoding:
    return VectorEncoding("numbers", {"thing": "table"}, "v", "v", (0.0,) * 3, (1.0,) * 3)


def rows_of(tasks: tuple[Any, ...], rows: int, seed: int) -> AlignedSet:
    """A picture whose bright spot lies in its upper half is positive; the first number is the other target. A tenth lacks each."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 100, (rows, SIDE, SIDE, 1), np.uint8)
    high, wide = random.choice([1, 5], rows), random.integers(1, 6, rows)
    for row, (y, x) in enumerate(zip(high, wide, strict=True)):
        pixels[row, y : y + 2, x : x + 2] = 255
    seen, present = random.random(rows) < 0.9, random.random(rows) < 0.9
    pixels[~seen] = 0
    vectors = np.where(present[:, None], random.normal(size=(rows, 3)), 0).astype(np.float32)
    inputs = {"picture": {"pixels": pixels, "present": seen}, "numbers": {"numeric": vectors, "present": present}}
    columns = {"positive": high < SIDE // 2, "amount": vectors[:, 0]}
    targets = np.stack([columns[t.name] for t in tasks], 1).astype(np.float32)
    return AlignedSet(inputs, targets, np.ones(targets.shape, np.bool_), tuple(t.name for t in tasks))


TASKS = (task("positive", "binary", ["picture"]), task("amount", "regression", ["picture", "numbers"]))
APART = (task("positive", "binary", ["picture"]), task("amount", "regression", ["numbers"]))
TRAINING = Training(lr=1e-2, batch_size=64, max_epochs=8, patience=8, relatedness=None)


def encodings_of(tasks: tuple[Any, ...] = TASKS, augment: dict[str, float] = SHAKEN) -> Encodings:
    return Encodings({"picture": picture(augment), "numbers": numbers()}, tasks)


def fitted(model: Model, training: Training = TRAINING) -> Any:
    return fit(encodings_of(), rows_of(TASKS, 400, 0), rows_of(TASKS, 100, 1), model, training)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_what_decides_is_learned(precision: str) -> None:
    test = rows_of(TASKS, 300, 2)
    done = fitted(Model(width=16, depth=1, dropout=0.0), TRAINING.model_copy(update={"precision": precision}))
    found = predict(done.network, encodings_of(), test.inputs)
    there = test.inputs["picture"]["present"]
    right = (found["positive"] > 0.5) == test.targets[:, 0].astype(bool)
    assert right[there].mean() > 0.95
    assert np.corrcoef(found["amount"], test.targets[:, 1])[0, 1] > 0.8


@pytest.mark.parametrize("sharing", ["separate", "hybrid", "cross_stitch", "mmoe", "ple", "task_conditioned", "message_passing"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_sharing_reads_pictures(sharing: str, members: int) -> None:
    model = Model(sharing=sharing, width=8, depth=2, dropout=0.1, members=members)
    done = fitted(model, TRAINING.model_copy(update={"max_epochs": 1}))
    found = predict(done.network, encodings_of(), rows_of(TASKS, 50, 3).inputs)
    assert all(np.isfinite(values).all() for values in found.values())


def test_no_bit_of_a_prediction_moves_with_a_hidden_picture() -> None:
    encodings = encodings_of((APART[0].__class__(**{**vars(APART[0]), "inputs": ("numbers",)}), TASKS[1]))
    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=2, dropout=0.0)).eval()
    rows = rows_of(TASKS, 60, 4).inputs
    other = {"pixels": 255 - rows["picture"]["pixels"], "present": np.arange(60) % 2 == 0}
    before, after = (predict(network, encodings, {**rows, "picture": of}) for of in (rows["picture"], other))
    assert np.array_equal(before["positive"], after["positive"])
    assert not np.array_equal(before["amount"], after["amount"])


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_one_row_is_predicted_as_in_a_batch(size: int) -> None:
    """Up to rounding, and in the order of the rows; nothing is changed at random."""
    encodings = encodings_of()
    torch.manual_seed(0)
    network = build_network(encodings, Model(width=8, depth=1, dropout=0.3)).eval()
    rows = rows_of(TASKS, 40, 6).inputs
    whole = predict(network, encodings, rows, batch_size=size)
    alone = [
        predict(network, encodings, {name: {key: array[i : i + 1] for key, array in of.items()} for name, of in rows.items()})
        for i in range(40)
    ]
    for name in ("positive", "amount"):
        np.testing.assert_allclose(whole[name], np.concatenate([one[name] for one in alone]), atol=1e-5)


@pytest.mark.parametrize("sharing", ["shared_bottom", "separate"])
def test_the_same_seed_gives_the_same_bits_also_after_a_break(tmp_path: Any, sharing: str) -> None:
    """Pictures are changed anew in each epoch, and after a break as without one."""
    model, rows = Model(sharing=sharing, width=8, depth=1), (rows_of(TASKS, 200, 0), rows_of(TASKS, 80, 1))
    training, encodings = TRAINING.model_copy(update={"max_epochs": 4}), encodings_of()
    first = fit(encodings, *rows, model, training)

    class StopError(Exception):
        pass

    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        fit(encodings, *rows, model, training, checkpoints=tmp_path, inputs_key="k", progress=stop)
    again = fit(encodings, *rows, model, training, checkpoints=tmp_path, inputs_key="k")
    still = fit(encodings_of(augment=dict.fromkeys(SHAKEN, 0.0)), *rows, model, training)
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    assert any(not torch.equal(value, still.network.state_dict()[name]) for name, value in first.network.state_dict().items())


@pytest.mark.parametrize("balancing", ["equal", "pcgrad", "gradnorm", "famo"])
@pytest.mark.parametrize("at", ["auto", "parameters"])
def test_a_batch_without_any_picture_is_a_batch_like_any_other(balancing: str, at: str) -> None:
    train, valid = rows_of(APART, 60, 0), rows_of(APART, 40, 1)
    for rows in (train, valid):
        few = np.arange(rows.rows) % 5 == 0
        rows.labelled[:, 0], rows.labelled[:, 1] = few, ~few
        rows.inputs["picture"]["present"][~few] = False
    asked = Training(balancing=balancing, at=at, batch_size=2, max_epochs=1, lr=1e-3)  # type: ignore[arg-type]
    done = fit(encodings_of(APART), train, valid, Model(width=8, depth=1), asked)
    assert all(torch.isfinite(p).all() for p in done.network.parameters())


def test_only_pictures_that_somebody_looks_at_cost_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of a task that may not see them, nor a place in a batch that no row of the task fills."""
    rows, seen = rows_of(APART, 80, 0), list[int]()
    rows.labelled[20:, 0] = False  # the other task has four times as many rows
    whole = Image._of_copy

    def counted(self: Image, x: torch.Tensor, *more: Any) -> torch.Tensor:
        seen.append(len(x))
        return whole(self, x, *more)

    monkeypatch.setattr(Image, "_of_copy", counted)
    asked = Training(max_epochs=1, batch_size=16, relatedness=None)
    fit(encodings_of(APART), rows, rows, Model(sharing="separate", width=8, depth=1), asked)
    assert sum(seen) == 2 * int(rows.inputs["picture"]["present"][:20].sum())  # once to learn, once as valid


def test_pictures_of_tasks_that_share_no_rows_are_seen_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, seen = rows_of(APART, 80, 0), list[int]()
    rows.inputs["picture"]["present"][40:] = False
    whole = Image._of_copy

    def counted(self: Image, x: torch.Tensor, *more: Any) -> torch.Tensor:
        seen.append(len(x))
        return whole(self, x, *more)

    monkeypatch.setattr(Image, "_of_copy", counted)
    fit(encodings_of(APART), rows, rows, Model(width=8, depth=1), Training(max_epochs=1, batch_size=16, relatedness=None))
    assert sum(seen) == 2 * int(rows.inputs["picture"]["present"].sum())
