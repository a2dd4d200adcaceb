"""The text encoder: what rows, viewers and copies see, what rows without tokens become, and what its arrays turn into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.network.encoders.text import Text
from mtl.network.input_plans import TextPlan
from mtl.network.layers import StackedLinear
from mtl.network.ragged import RaggedTensor, take
from mtl.network.sequences import SequenceNetwork
from mtl.spec import Model
from tests.model.network import reading
from tests.model.network.conftest import stirred
from tests.ragged import ragged_of

OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"embedding": 6, "channels": 4, "kernels": 2},
    "lstm": {"embedding": 6, "hidden": 4, "layers": 2, "both": 1},
    "gru": {"embedding": 6, "hidden": 4, "layers": 1, "both": 0},
    "transformer": {"embedding": 6, "layers": 1, "heads": 2, "feedforward": 8},
}
EACH = [(network, pooling) for network in OPTIONS for pooling in ("max", "mean", "attention")]
VOCABULARY = 20


def plan_of(network: str, pooling: str = "max") -> TextPlan:
    return TextPlan("words", VOCABULARY, network, pooling, tuple(OPTIONS[network].items()))


def text(network: str, pooling: str = "max", copies: int = 1, members: int = 1, seed: int = 0) -> Text:
    """One that predicts, with every weight away from where it starts."""
    torch.manual_seed(seed)
    encoder = Text(plan_of(network, pooling), copies, Model(width=8, dropout=0.2, members=members))
    return stirred(encoder, 0.2, None).eval()


def tokens(lengths: list[list[int]], seed: int = 1) -> Tensor:
    """Random texts of these lengths, [leading, batch, longest]."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(1, *(one for of in lengths for one in of))
    found = torch.randint(1, VOCABULARY, (len(lengths), len(lengths[0]), longest), generator=generator)
    return torch.where(torch.arange(longest) < torch.tensor(lengths).unsqueeze(-1), found, 0)


@pytest.mark.parametrize(("network", "pooling"), EACH)
def test_a_text_does_not_know_the_batch(network: str, pooling: str) -> None:
    """Neither its other texts nor how far they are padded."""
    encoder, batch = text(network, pooling), tokens([[5, 1, 30, 12, 0]])
    together = reading.check_rows_alone(encoder, {"tokens": batch}, (1e-6, 2e-6))
    wider = torch.nn.functional.pad(batch, (0, 9))
    torch.testing.assert_close(encoder({"tokens": wider}), together, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(("network", "pooling"), EACH)
@pytest.mark.parametrize("members", [1, 3])
def test_every_copy_reads_the_same_rows_or_its_own(network: str, pooling: str, members: int) -> None:
    """As a network of one copy would that has its slices."""
    batches = [{"tokens": tokens(of)} for of in ([[4, 0, 9]], [[4, 0, 9], [1, 2, 3], [0, 0, 0]])]
    three = text(network, pooling, 3, members)
    reading.check_copies(three, lambda: text(network, pooling, 1, members), batches, members, (1e-5, 1e-6))


@pytest.mark.parametrize("network", OPTIONS)
@pytest.mark.parametrize("members", [1, 3])
def test_one_copy_takes_the_rows_of_many_viewers(network: str, members: int) -> None:
    batch = {"tokens": tokens([[4, 0], [1, 8], [3, 3]])}
    reading.check_viewers(text(network, members=members), batch, members, (1e-5, 1e-6))


@pytest.mark.parametrize("network", OPTIONS)
def test_one_copys_weights_may_stand_for_many(network: str) -> None:
    """As balancing asks for, to tell apart the gradients of tasks with rows of their own."""
    batch = {"tokens": tokens([[4, 2], [1, 8], [0, 3]])}
    reading.check_stand_in(text(network, "attention"), batch, (1e-5, 1e-6), (1e-4, 1e-5))


@pytest.mark.parametrize(("network", "pooling"), EACH)
def test_rows_without_tokens_are_all_the_same(network: str, pooling: str) -> None:
    """Also where the batch has no others; and nothing of them reaches the network over tokens."""
    encoder = text(network, pooling)
    some, none = encoder({"tokens": tokens([[0, 7, 0, 2]])}), encoder({"tokens": tokens([[0, 0]])})
    assert torch.isfinite(some).all()
    reading.check_empty_rows(encoder, some, none)


@pytest.mark.parametrize(("network", "pooling"), EACH)
@pytest.mark.parametrize(("copies", "members"), [(1, 1), (2, 1), (2, 3)])
def test_the_gradient_reaches_every_parameter(network: str, pooling: str, copies: int, members: int) -> None:
    """Of every copy and member, and of each token's embedding that the batch has; finite, with an empty row beside."""
    encoder, batch = text(network, pooling, copies, members), tokens([[9, 0, 4, 12]])
    reading.check_gradients(encoder, encoder({"tokens": batch}))
    assert encoder.table.grad is not None
    assert not encoder.table.grad[:, 0].any()
    if pooling != "max":
        seen = batch.unique()[1:]
        assert encoder.table.grad[:, seen].any(-1).all()


def test_members_begin_apart() -> None:
    """And read the very same pooled text."""
    encoder = Text(plan_of("cnn"), 2, Model(width=8, dropout=0.0, members=4))
    r = encoder.layer.linear.r
    assert isinstance(encoder.layer.linear, StackedLinear)
    assert r is not None
    assert (r.abs() == 1).all()
    assert r.shape == (2, 4, encoder.network.size)
    found = encoder({"tokens": tokens([[5, 3]])})
    assert not torch.allclose(found[:, :, 0], found[:, :, 1])


@pytest.mark.parametrize("network", OPTIONS)
def test_dropout_is_drawn_anew_in_training_only(network: str) -> None:
    reading.check_chance(text(network), {"tokens": tokens([[5, 3]])})


@pytest.mark.parametrize("network", OPTIONS)
def test_embeddings_drop(network: str) -> None:
    """Also where nothing behind them does; the gradient then stops there."""
    encoder = text(network, "mean").train()
    assert isinstance(encoder.network, SequenceNetwork)
    encoder.network.dropout = encoder.layer.dropout = 0.0
    torch.manual_seed(0)
    encoder({"tokens": torch.arange(1, VOCABULARY).view(1, 1, -1)}).square().sum().backward()
    assert encoder.table.grad is not None
    stopped = (encoder.table.grad[:, 1:] == 0).double().mean()
    assert float(stopped) == pytest.approx(0.2, abs=0.1)


@pytest.mark.parametrize(("network", "pooling"), EACH)
def test_kinds_of_numbers(network: str, pooling: str) -> None:
    """Also for a copy without any token beside one with some."""
    reading.check_numbers(text(network, pooling, 2), {"tokens": tokens([[5, 0, 12], [0, 0, 0]])}, (1e-4, 1e-5))


def test_embeddings_start_small_and_weights_as_pytorchs_own() -> None:
    """By their spread; each copy at a start of its own."""
    torch.manual_seed(0)
    options = {"embedding": 64, "hidden": 25, "layers": 1, "both": 1}
    encoder = Text(TextPlan("words", 200, "lstm", "max", tuple(options.items())), 2, Model(width=8))
    assert float(encoder.table.detach().std()) == pytest.approx(0.1, rel=0.05)
    for parameter in encoder.network.parameters():
        assert float(parameter.detach().abs().max()) == pytest.approx(0.2, rel=0.05)
        assert not torch.equal(parameter[0], parameter[1])


@pytest.mark.parametrize("network", OPTIONS)
@pytest.mark.parametrize("copies", [1, 2])
def test_a_batch_may_have_no_rows(network: str, copies: int) -> None:
    found = text(network, copies=copies)({"tokens": torch.zeros(1, 0, 1, dtype=torch.int64)})
    assert found.shape == (copies, 0, 1, 8)


def arrays_of(lengths: list[int], present: list[bool]) -> dict[str, Any]:
    values = np.arange(1, sum(lengths) + 1)
    return {"tokens": ragged_of(np.split(values, np.cumsum(lengths)[:-1])), "present": np.array(present)}


def held(arrays: dict[str, Any] | None, rows: int) -> tuple[RaggedTensor, Tensor | None]:
    found = Text.tensors(plan_of("cnn"), arrays, rows)
    ragged, present = found["tokens"], found.get("present")
    assert isinstance(ragged, RaggedTensor)
    assert present is None or isinstance(present, Tensor)
    assert (ragged.values.dtype, ragged.offsets.dtype, len(ragged)) == (torch.int32, torch.int64, rows)
    return ragged, present


def test_tensors_are_the_arrays() -> None:
    arrays = arrays_of([2, 0, 3], [True] * 3)
    arrays["tokens"].values.flags.writeable = False  # as on disk
    ragged, present = held(arrays, 3)
    assert present is None
    assert take(ragged, torch.arange(3)).tolist() == [[[1, 2, 0], [0, 0, 0], [3, 4, 5]]]


def test_a_row_without_the_input_has_no_tokens() -> None:
    """Whatever the arrays say of it."""
    ragged, present = held(arrays_of([2, 4, 3], [True, False, True]), 3)
    assert present is not None
    assert present.tolist() == [True, False, True]
    assert take(ragged, torch.arange(3)).tolist() == [[[1, 2, 0], [0, 0, 0], [7, 8, 9]]]


@pytest.mark.parametrize("network", OPTIONS)
def test_an_absent_input_is_rows_without_tokens(network: str) -> None:
    ragged, present = held(None, 4)
    assert present is not None
    assert not present.any()
    encoder = text(network)
    found = encoder({"tokens": take(ragged, torch.arange(4)), "present": present.unsqueeze(0)})
    torch.testing.assert_close(found, encoder({"tokens": tokens([[0, 0, 0, 0]])}))
