"""Networks over tokens against PyTorch's own modules, row by row, and what they promise of rows, copies and options."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mtl.network.sequences import POOLINGS, SEQUENCES, Layout, SequenceNetwork, of_copies
from mtl.network.sequences.recurrent import PARTS, Lstm
from mtl.network.sequences.stairs import STAIRS, Stairs
from mtl.network.sequences.transformer import positions
from mtl.spec.options import SEQUENCE_OPTIONS

SMALL: dict[str, list[dict[str, float]]] = {
    "cnn": [{"embedding": 6, "channels": 5, "kernels": 3}, {"embedding": 6, "channels": 2, "kernels": 6}],
    "lstm": [{"embedding": 6, "hidden": 5, "layers": n, "both": both} for n in (1, 3) for both in (0, 1)],
    "gru": [{"embedding": 6, "hidden": 5, "layers": n, "both": both} for n in (1, 3) for both in (0, 1)],
    "transformer": [{"embedding": 6, "layers": 2, "heads": h, "feedforward": 10} for h in (1, 3)],
}
Plain = Callable[[Tensor], Tensor]
"""One row's [token, embedding] → [token, size]."""
EACH = [pytest.param(name, options, id=f"{name}{i}") for name, all_of in SMALL.items() for i, options in enumerate(all_of)]
LENGTHS = [[7, 1, 30, 2, 19], [1], [3, 3, 3], [2, 1], [40, 0, 5, 0]]


def built(name: str, options: dict[str, float], copies: int = 1, seed: int = 0) -> SequenceNetwork:
    """With every weight away from where it starts."""
    torch.manual_seed(seed)
    network = SEQUENCES[name](options, copies, 0.0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


def laid(lengths: list[int], size: int = 6, seed: int = 1) -> tuple[Tensor, Layout]:
    """Numbers of all tokens, and their layout."""
    torch.manual_seed(seed)
    return torch.randn(sum(lengths), size, requires_grad=True), Layout.of(torch.tensor(lengths), torch.device("cpu"))


def run(network: SequenceNetwork, x: Tensor, layout: Layout, copy: int = 0, copies: int = 1) -> Tensor:
    found: Tensor = network(x, layout, of_copies(network, copies)[copy])
    return found


def plain_cnn(network: SequenceNetwork, options: dict[str, float]) -> Plain:
    state = dict(network.named_parameters())
    convolutions = []
    for i in range(int(options["kernels"])):
        pad = nn.ConstantPad1d(((i + 2) // 2, (i + 3) // 2), 0.0)
        convolution = nn.Conv1d(int(options["embedding"]), int(options["channels"]), i + 3)
        theirs = loaded(nn.Sequential(pad, convolution, nn.ReLU()), {f"1.{of}": state[f"{of}.{i}"] for of in ("weight", "bias")})
        convolutions.append(theirs)
    return lambda x: torch.cat([one(x.T) for one in convolutions]).T


def plain_recurrent(network: SequenceNetwork, options: dict[str, float]) -> Plain:
    kind = nn.LSTM if isinstance(network, Lstm) else nn.GRU
    layers, both = int(options["layers"]), bool(options["both"])
    theirs = kind(int(options["embedding"]), int(options["hidden"]), layers, bidirectional=both)
    names = dict(zip(PARTS, ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), strict=True))
    state = {
        f"{names[part]}_l{layer}{'_reverse' if way else ''}": network.get_parameter(f"{part}.{layer}")[:, way]
        for part in PARTS for layer in range(layers) for way in range(1 + both)
    }  # fmt: skip
    return lambda x: loaded(theirs, state)(x)[0]


def plain_transformer(network: SequenceNetwork, options: dict[str, float]) -> Plain:
    width, many = int(options["embedding"]), int(options["layers"])
    one = nn.TransformerEncoderLayer(width, int(options["heads"]), int(options["feedforward"]), 0.0, norm_first=True)
    theirs = nn.TransformerEncoder(one, many, nn.LayerNorm(width), enable_nested_tensor=False)
    p = dict(network.named_parameters())
    names = {
        "self_attn.in_proj_weight": "attend", "self_attn.in_proj_bias": "attend_bias", "self_attn.out_proj.weight": "join",
        "self_attn.out_proj.bias": "join_bias", "linear1.weight": "widen", "linear1.bias": "widen_bias",
        "linear2.weight": "narrow", "linear2.bias": "narrow_bias",
    }  # fmt: skip
    state = {f"layers.{i}.{their}": p[mine][:, i] for their, mine in names.items() for i in range(many)}
    for their, mine in (("weight", "scale"), ("bias", "shift")):
        state |= {f"layers.{i // 2}.norm{i % 2 + 1}.{their}": p[mine][:, i] for i in range(2 * many)}
        state[f"norm.{their}"] = p[mine][:, -1]
    return lambda x: loaded(theirs, state)(x + sinusoids(len(x), width))


PLAIN = {"cnn": plain_cnn, "lstm": plain_recurrent, "gru": plain_recurrent, "transformer": plain_transformer}


def loaded(module: nn.Module, state: dict[str, Tensor]) -> Callable[[Tensor], Any]:
    """The module with the first copy's weights, all that it has; gradients go on into the copy's own."""
    assert {name for name, _ in module.named_parameters()} == set(state)
    return lambda x: torch.func.functional_call(module, {name: of[0] for name, of in state.items()}, (x,))


def sinusoids(length: int, width: int) -> Tensor:
    """Number by number as the paper writes them."""
    found = torch.zeros(length, width)
    for place in range(length):
        for i in range(width):
            angle = place / 10_000 ** (2 * (i // 2) / width)
            found[place, i] = math.cos(angle) if i % 2 else math.sin(angle)
    return found


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize(("name", "options"), EACH)
def test_it_is_pytorchs_own_module_on_each_row_alone(name: str, options: dict[str, float], lengths: list[int]) -> None:
    """Forward, and the gradient of every weight and token."""
    network = built(name, options)
    x, layout = laid(lengths)
    plain = PLAIN[name](network, options)
    found = run(network, x, layout)
    wanted = torch.cat([plain(row) for row in x.split(lengths) if len(row)])
    assert found.shape == (sum(lengths), network.size)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    pull = torch.randn_like(found)
    mine, theirs = (torch.autograd.grad(of, [x, *network.parameters()], pull) for of in (found, wanted))
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), EACH)
def test_a_row_does_not_know_its_neighbours(name: str, options: dict[str, float]) -> None:
    """Whatever stands before and behind it, and however long the longest is."""
    network = built(name, options)
    lengths = [4, 33, 1, 9, 0, 9, 2]
    x, layout = laid(lengths)
    together = run(network, x, layout).split(lengths)
    for order in ([2], [3, 0], [6, 5, 3, 2, 0], [1, 4]):
        rows = [x.split(lengths)[i] for i in order]
        apart = run(network, torch.cat(rows), Layout.of(torch.tensor([lengths[i] for i in order]), x.device))
        torch.testing.assert_close(apart, torch.cat([together[i] for i in order]), rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(("name", "options"), EACH)
def test_copies_are_networks_of_their_own(name: str, options: dict[str, float]) -> None:
    """The same as with a copy's slice of every parameter in a network of one copy; and each hears nothing of another's."""
    three = built(name, options, copies=3)
    x, layout = laid([5, 2, 8])
    for copy in range(3):
        alone = built(name, options)
        alone.load_state_dict({key: of[copy : copy + 1] for key, of in three.state_dict().items()})
        found = run(three, x, layout, copy, 3)
        torch.testing.assert_close(found, run(alone, x, layout), rtol=1e-6, atol=1e-6)
        grads = torch.autograd.grad(found.square().sum(), list(three.parameters()))
        assert all(bool(of[i].any()) is (i == copy) for of in grads for i in range(3))


@pytest.mark.parametrize("name", SEQUENCES)
def test_every_option_counts(name: str) -> None:
    """Another number of anything is another network: other weights, or another result of the same."""
    assert list(SEQUENCES) == list(SEQUENCE_OPTIONS)
    options = {**SEQUENCE_OPTIONS[name], "embedding": 8}
    x, layout = laid([5, 2], 8)

    def told(options: dict[str, float], x: Tensor) -> tuple[list[torch.Size], float]:
        network = built(name, options)
        return [p.shape for p in network.parameters()], float(run(network, x, layout).detach().sum())

    for option, value in options.items():
        more = 2 * value if option != "both" else 1 - value
        wider = torch.cat([x, x], 1) if option == "embedding" else x
        assert told(options, x) == told(dict(options), x)
        assert told({**options, option: more}, wider) != told(options, x), option


def test_heads_that_do_not_divide_the_embedding_are_said_in_words() -> None:
    with pytest.raises(ValueError, match="heads of transformer that divide its embedding, 10; found 4"):
        SEQUENCES["transformer"]({**SEQUENCE_OPTIONS["transformer"], "embedding": 10}, 1, 0.0)


@pytest.mark.parametrize("width", [1, 2, 7, 16])
def test_positions_are_the_papers(width: int) -> None:
    torch.testing.assert_close(positions(50, torch.zeros(1, width)), sinusoids(50, width), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_dropout_is_in_training_only(name: str) -> None:
    torch.manual_seed(0)
    network = SEQUENCES[name](SMALL[name][-1], 1, 0.5)
    x, layout = laid([9, 4])
    assert not torch.equal(run(network, x, layout), run(network, x, layout))
    network.eval()
    assert torch.equal(run(network, x, layout), run(network, x, layout))


@pytest.mark.parametrize("silent", ["join", "narrow"])
def test_each_step_of_a_transformer_drops(silent: str) -> None:
    """Also the one that is left where the other adds nothing."""
    torch.manual_seed(0)
    network = SEQUENCES["transformer"](SMALL["transformer"][0], 1, 0.5)
    with torch.no_grad():
        network.get_parameter(silent).zero_()
        network.get_parameter(f"{silent}_bias").zero_()
    x, layout = laid([9, 4])
    assert not torch.equal(run(network, x, layout), run(network, x, layout))


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_is_numpys(pooling: str, lengths: list[int]) -> None:
    x, layout = laid(lengths)
    module = POOLINGS[pooling](2, 6)
    for weights in of_copies(module, 2):
        found = module(x, layout, weights)
        rows = [row.detach().numpy() for row in x.split(lengths) if len(row)]
        for i, row in enumerate(rows):
            wanted = {"max": row.max(0), "mean": row.mean(0), "attention": attended(row, weights)}[pooling]
            np.testing.assert_allclose(found[i].detach().numpy(), wanted, rtol=1e-5, atol=1e-6)


def attended(row: np.ndarray, weights: dict[str, Tensor]) -> np.ndarray:
    if not weights:
        return row[0]
    score = np.exp(row @ weights["query"].detach().numpy() / np.sqrt(row.shape[1]))
    return (score / score.sum()) @ row


def test_of_equal_largest_ones_one_gets_the_gradient() -> None:
    x = torch.tensor([[1.0], [1.0], [0.0], [1.0]], requires_grad=True)
    POOLINGS["max"](1, 1)(x, Layout.of(torch.tensor([3, 1]), x.device), {}).neg().sum().backward()
    assert x.grad is not None
    assert sorted(x.grad[:3].flatten().tolist()) == [-1.0, 0.0, 0.0]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_tokens_find_their_way_to_rows_and_back(lengths: list[int]) -> None:
    """Packed from the batch, padded, taken apart, summed, spread over the batch; in stairs from either end."""
    x, layout = laid(lengths)
    rows = [row for row in x.split(lengths) if len(row)]
    batch = nn.utils.rnn.pad_sequence(list(x.split(lengths)), batch_first=True)
    assert torch.equal(layout.pack(batch), x)
    assert torch.equal(layout.pad(x), nn.utils.rnn.pad_sequence(rows, batch_first=True))
    assert torch.equal(layout.unpad(layout.pad(x, 7.0)), x)
    torch.testing.assert_close(layout.spread(layout.sum(x)), batch.sum(1))
    for backwards in (False, True):
        stairs = Stairs.of(layout, backwards)
        laid_out = list(stairs.lay(x))
        assert len(laid_out) <= STAIRS
        assert torch.equal(stairs.gather(laid_out), x)
        first = {tuple(row.tolist()) for row in laid_out[0][0]}
        assert first == {tuple(row[-1 if backwards else 0].tolist()) for row in rows}


def test_stairs_save_most_of_the_padding() -> None:
    lengths = torch.arange(1, 101)
    stairs = Stairs.of(Layout.of(lengths, torch.device("cpu")))
    assert sum(steps * rows for steps, rows in stairs.shapes) < 1.15 * int(lengths.sum())
