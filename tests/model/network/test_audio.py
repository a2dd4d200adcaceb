"""The audio encoder: what rows, viewers and copies hear, what rows without a recording become, and what its arrays turn into."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.data.ragged import Ragged
from mtl.network.encoders.audio import Audio
from mtl.network.input_plans import AudioPlan
from mtl.network.layers import StackedLinear
from mtl.network.ragged import RaggedBlocks, row_lengths, take_inputs
from mtl.spec import Model
from tests.model.conftest import noted
from tests.model.network import reading
from tests.model.network.conftest import stirred

OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"channels": 3, "layers": 3},
    "crnn": {"channels": 3, "layers": 2, "hidden": 4},
}
EACH = [(network, pooling) for network in OPTIONS for pooling in ("max", "mean", "attention")]
AUGMENT = {"masks": 1.0, "band": 0.3, "span": 0.3, "warp": 0.1, "filter": 12.0}
HOP = 80


def plan_of(network: str, pooling: str = "max") -> AudioPlan:
    options, augment = tuple(OPTIONS[network].items()), tuple(AUGMENT.items())
    return AudioPlan("x", 8000, 20, 25.0, 10.0, network, pooling, options, augment)


def audio(network: str, pooling: str = "max", copies: int = 1, members: int = 1, seed: int = 0) -> Audio:
    """One that predicts, with every weight away from where it starts."""
    torch.manual_seed(seed)
    encoder = Audio(plan_of(network, pooling), copies, Model(width=8, dropout=0.2, members=members))
    return stirred(encoder, 0.1, None).eval()


def arrays_of(lengths: list[int], present: list[bool] | None = None, seed: int = 1) -> dict[str, Any]:
    """Random recordings of so many samples."""
    values = (3000 * np.random.default_rng(seed).normal(size=sum(lengths))).astype(np.int16)
    there = [length > 0 for length in lengths] if present is None else present
    return {"samples": Ragged.of_lengths(values, np.array(lengths, np.int64)), "present": np.array(there)}


def sounds(lengths: list[list[int]], wider: int = 0) -> dict[str, Tensor]:
    """Of [leading, batch] recordings the tensors that a batch has."""
    flat = [one for of in lengths for one in of]
    held = {"x": Audio.tensors(plan_of("cnn"), arrays_of(flat), len(flat))}
    found = take_inputs(held, torch.arange(len(flat)).view(len(lengths), -1))["x"]
    return {**found, "sound": torch.nn.functional.pad(found["sound"], (0, 0, 0, wider))}


@pytest.mark.parametrize(("network", "pooling"), EACH)
def test_a_recording_does_not_know_the_batch(network: str, pooling: str) -> None:
    """Neither its other recordings nor how far they are padded."""
    encoder, lengths = audio(network, pooling), [[2000, 30, 8000, 81, 0]]
    together = reading.check_rows_alone(encoder, sounds(lengths), (1e-4, 2e-5))
    for wider in (1, 2, 9):
        torch.testing.assert_close(encoder(sounds(lengths, wider)), together, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("network", "pooling"), EACH)
@pytest.mark.parametrize("members", [1, 3])
def test_every_copy_hears_the_same_rows_or_its_own(network: str, pooling: str, members: int) -> None:
    """As a network of one copy would that has its slices."""
    batches = [sounds([[2000, 0, 900]]), sounds([[2000, 0, 900], [100, 1000, 300], [0, 0, 0]])]
    three = audio(network, pooling, 3, members)
    reading.check_copies(three, lambda: audio(network, pooling, 1, members), batches, members, (1e-4, 1e-5))


@pytest.mark.parametrize("network", OPTIONS)
@pytest.mark.parametrize("members", [1, 3])
def test_one_copy_takes_the_rows_of_many_viewers(network: str, members: int) -> None:
    batch = sounds([[900, 0], [100, 2000], [300, 300]])
    reading.check_viewers(audio(network, members=members), batch, members, (1e-4, 1e-5))


@pytest.mark.parametrize("network", OPTIONS)
def test_one_copys_weights_may_stand_for_many(network: str) -> None:
    """As balancing asks for, to tell apart the gradients of tasks with rows of their own."""
    batch = sounds([[900, 500], [100, 2000], [0, 700]])
    reading.check_stand_in(audio(network, "attention"), batch, (1e-4, 1e-5), (1e-3, 1e-4))


def test_a_copy_that_may_not_hear_is_given_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others hear what they would have heard, and each recording is listened to once."""
    encoder, batch = audio("cnn", copies=3), sounds([[900, 0, 400]])
    whole, heard = encoder(batch), noted(monkeypatch, type(encoder.mels), "forward", lambda blocks, of: len(of.lengths))
    blind = encoder(encoder.hidden_from(torch.tensor([True, False, True]), batch))
    torch.testing.assert_close(blind[[0, 2]], whole[[0, 2]], rtol=1e-5, atol=1e-6)
    assert heard == [2]
    nothing = encoder(sounds([[0, 0, 0]]))
    torch.testing.assert_close(blind[1], nothing[1])
    assert heard == [2]
    encoder(encoder.hidden_from(torch.tensor([False, True, False]), sounds([[900, 0, 400], [80, 80, 80], [80, 0, 0]])))
    assert heard == [2, 3]


@pytest.mark.parametrize(("network", "pooling"), EACH)
def test_rows_without_a_recording_are_all_the_same(network: str, pooling: str) -> None:
    """Also where the batch has no others; and nothing of them reaches the network."""
    encoder = audio(network, pooling)
    reading.check_empty_rows(encoder, encoder(sounds([[0, 900, 0, 80]])), encoder(sounds([[0, 0]])))


@pytest.mark.parametrize(("network", "pooling"), EACH)
@pytest.mark.parametrize(("copies", "members"), [(1, 1), (2, 1), (2, 3)])
def test_the_gradient_reaches_every_parameter(network: str, pooling: str, copies: int, members: int) -> None:
    """Of every copy and member; finite, with silence and an absent row beside."""
    encoder, batch = audio(network, pooling, copies, members), sounds([[3000, 0, 900, 1600]])
    batch["sound"][0, 3] = 0
    reading.check_gradients(encoder, encoder(batch))


def test_members_begin_apart() -> None:
    encoder = Audio(plan_of("cnn"), 2, Model(width=8, dropout=0.0, members=4))
    assert isinstance(encoder.layer.linear, StackedLinear)
    assert encoder.layer.linear.r is not None
    assert encoder.layer.linear.r.shape == (2, 4, encoder.network.size)
    found = encoder.eval()(sounds([[900, 500]]))
    assert not torch.allclose(found[:, :, 0], found[:, :, 1])


@pytest.mark.parametrize("network", OPTIONS)
@pytest.mark.parametrize("what", ["masks", "warp", "filter", "dropout"])
def test_chance_is_drawn_anew_in_training_only(network: str, what: str) -> None:
    """Each of them, by torch's generator."""
    augment = {**dict.fromkeys(AUGMENT, 0.0), **({what: AUGMENT[what], "band": 0.3, "span": 0.3} if what in AUGMENT else {})}
    torch.manual_seed(0)
    plan = replace(plan_of(network), augment=tuple(augment.items()))
    encoder = Audio(plan, 1, Model(width=8, dropout=0.5 if what == "dropout" else 0.0))
    reading.check_chance(encoder, sounds([[4000, 2500]]))


def test_weights_start_by_what_they_read() -> None:
    """He's spread for convolutions, each copy's its own."""
    torch.manual_seed(0)
    plan = replace(plan_of("cnn"), options=(("channels", 32), ("layers", 3)))
    encoder = Audio(plan, 2, Model(width=8))
    for i, reads in enumerate((1, 32, 64)):
        weight = encoder.network.get_parameter(f"weight.{i}").detach()
        assert float(weight.std()) == pytest.approx((2 / (9 * reads)) ** 0.5, rel=0.1)
        assert not torch.equal(weight[0], weight[1])
        assert not encoder.network.get_parameter(f"bias.{i}").any()


@pytest.mark.parametrize(("network", "pooling"), EACH)
def test_kinds_of_numbers(network: str, pooling: str) -> None:
    """Also for a copy without any recording beside one with some."""
    reading.check_numbers(audio(network, pooling, 2), sounds([[900, 0, 1500], [0, 0, 0]]), (1e-3, 1e-4))


@pytest.mark.parametrize("network", OPTIONS)
@pytest.mark.parametrize("copies", [1, 2])
def test_a_batch_may_have_no_rows(network: str, copies: int) -> None:
    none = {"sound": torch.zeros(1, 0, 1, HOP, dtype=torch.int16), "sound_length": torch.zeros(1, 0, dtype=torch.int64)}
    assert audio(network, copies=copies)(none).shape == (copies, 0, 1, 8)


def held(arrays: dict[str, Any] | None, count: int) -> tuple[RaggedBlocks, Tensor | None]:
    found = Audio.tensors(plan_of("cnn"), arrays, count)
    sound, present = found["sound"], found.get("present")
    assert isinstance(sound, RaggedBlocks)
    assert present is None or isinstance(present, Tensor)
    assert (sound.values.dtype, sound.offsets.dtype, len(sound)) == (torch.int16, torch.int64, count)
    return sound, present


def test_tensors_are_the_samples_in_blocks() -> None:
    """16 bits a sample, also in the batch; a row counts by its blocks, and silence is not taken for padding."""
    arrays = arrays_of([100, 0, 240], [True] * 3)
    arrays["samples"].values[100:] = 0
    arrays["samples"].values.flags.writeable = False  # as on disk
    sound, present = held(arrays, 3)
    assert present is None
    assert sound.lengths.tolist() == [2, 0, 3]
    counted = row_lengths({"x": {"sound": sound}})
    assert counted is not None
    assert counted.tolist() == [2, 0, 3]
    batch = take_inputs({"x": {"sound": sound}}, torch.tensor([2, 0, 1]))["x"]
    assert batch["sound"].dtype == torch.int16
    assert batch["sound"].shape == (1, 3, 3, HOP)
    assert batch["sound_length"].tolist() == [[3, 2, 0]]
    assert batch["sound"][0, 1].flatten().tolist() == [*arrays["samples"].values[:100].tolist(), *[0] * 140]


def test_a_row_without_the_input_has_no_block() -> None:
    """Whatever the arrays say of it."""
    arrays = arrays_of([160, 80, 240], [True, False, True])
    sound, present = held(arrays, 3)
    assert present is not None
    assert present.tolist() == [True, False, True]
    assert sound.lengths.tolist() == [2, 0, 3]
    assert sound.values.flatten()[160:].tolist() == arrays["samples"].values[240:].tolist()


def test_a_place_that_no_row_fills_has_no_block() -> None:
    batch = take_inputs({"x": Audio.tensors(plan_of("cnn"), arrays_of([160, 80]), 2)}, torch.tensor([[0, 1], [1, -1]]))["x"]
    assert batch["sound_length"].tolist() == [[2, 1], [1, 0]]
    assert not batch["sound"][1, 1].any()


@pytest.mark.parametrize("network", OPTIONS)
def test_an_absent_input_is_rows_without_a_recording(network: str) -> None:
    sound, present = held(None, 4)
    assert present is not None
    assert not present.any()
    batch = take_inputs({"x": {"sound": sound}}, torch.arange(4))["x"]
    torch.testing.assert_close(audio(network)(batch), audio(network)(sounds([[0, 0, 0, 0]])))
