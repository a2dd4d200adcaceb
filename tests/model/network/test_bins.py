"""Piecewise-linear embeddings against their authors' package, and what they promise of odd numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from rtdl_num_embeddings import PiecewiseLinearEmbeddings, compute_bins

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import build_network, plan_of, predict
from mtl.network.encoders.bins import PiecewiseLinear
from mtl.network.encoders.tabular import Tabular
from mtl.spec import Model
from tests.model.network.conftest import model_of

RowsOf = Callable[..., AlignedSet]


def edges_of(rows: torch.Tensor, bins: int) -> list[torch.Tensor]:
    return compute_bins(rows, bins)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.filterwarnings("ignore:The .* feature has just two bin edges")
def test_it_is_the_packages_version_b(copies: int) -> None:
    """With the same weights the same numbers, inside the bins, on their edges and far outside; 1 bin, 5 and 8."""
    torch.manual_seed(0)
    x = torch.stack([torch.randn(200), torch.randint(0, 6, (200,)).float(), torch.randint(0, 2, (200,)).float()], 1)
    edges = edges_of(x, 8)
    assert [len(one) - 1 for one in edges] == [8, 5, 1]
    mine = PiecewiseLinear([one.tolist() for one in edges], 7, copies)
    for parameter in mine.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.cat([x, 100 * torch.randn(50, 3), edges[0][:, None].expand(-1, 3)])
    found = mine(x[None], torch.zeros(1, *x.shape)).unflatten(-1, (3, 7))
    for copy in range(copies):
        theirs = PiecewiseLinearEmbeddings(edges, 7, activation=False, version="B")
        assert theirs.linear0 is not None
        with torch.no_grad():
            theirs.linear0.weight.copy_(mine.slope[copy, :, 0])
            theirs.linear0.bias.copy_(mine.offset[copy, :, 0])
            for column, one in enumerate(edges):  # the package keeps the last bin at the end
                bins = len(one) - 1
                theirs.linear.weight[column, : bins - 1] = mine.weight[copy, column, : bins - 1]
                theirs.linear.weight[column, -1] = mine.weight[copy, column, bins - 1]
        torch.testing.assert_close(found[copy], theirs(x), rtol=1e-4, atol=1e-4)


def test_it_starts_as_a_straight_line() -> None:
    """As in the package: the matrix of the encoding is 0, slope and offset within ±1/√width."""
    mine, theirs = PiecewiseLinear([(0.0, 1.0, 3.0)], 16, 1), PiecewiseLinearEmbeddings(
        [torch.tensor([0.0, 1.0, 3.0])], 16, activation=False, version="B"
    )  # fmt: skip
    assert not mine.weight.any()
    assert not theirs.linear.weight.any()
    for parameter in (mine.slope, mine.offset, theirs.linear0.weight):
        assert float(parameter.detach().abs().max()) == pytest.approx(0.25, rel=0.25)


def test_an_encoding_is_one_below_and_nothing_above() -> None:
    mine = PiecewiseLinear([(0.0, 1.0, 3.0, 4.0), (5.0, 6.0), ()], 2, 1)
    x = torch.tensor([[2.0, 5.25, 9.0], [-1.0, 7.0, 9.0], [6.0, 5.0, 9.0], [1.0, 6.0, 9.0]])
    encoded = mine.encode(x.T[None, :, :, None])[0]
    assert encoded[0].tolist() == [[1, 0.5, 0], [-1, 0, 0], [1, 1, 3], [1, 0, 0]]
    assert encoded[1].tolist() == [[0.25, 0, 0], [2, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert not encoded[2].any()


def test_a_missing_number_becomes_zeros_and_teaches_nothing() -> None:
    torch.manual_seed(1)
    mine = PiecewiseLinear([(-1.0, 0.0, 1.0)] * 2, 4, 2)
    torch.nn.init.normal_(mine.weight)
    missing = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    found = mine(torch.tensor([[[0.0, 0.5], [0.7, 0.0]]]), missing).unflatten(-1, (2, 4))
    assert not found[:, 0, 0].any()
    assert not found[:, 1, 1].any()
    assert found[:, 0, 1].all()
    found[:, 0, 0].sum().backward()
    assert not any(p.grad is not None and p.grad.any() for p in mine.parameters())


def binned(encodings: Encodings) -> Encodings:
    """The same encodings, every numeric column with five bins."""
    inputs = {
        name: replace(one, numeric=tuple(replace(c, bins=(-2.0, -1.0, 0.0, 0.5, 1.0, 2.0)) for c in one.numeric))
        for name, one in encodings.inputs.items()
    }
    return replace(encodings, inputs=inputs)


@pytest.mark.parametrize("members", [1, 2])
def test_a_network_with_bins(way: str, members: int, two_inputs: Encodings, rows: RowsOf) -> None:
    """Predicts, hides what is hidden, and takes `bin_width` numbers a column; without bins all is as it was."""
    of = binned(two_inputs)
    model = model_of(way, width=8, members=members, bin_width=3)
    network = build_network(of, model)
    encoder = next(m for m in network.modules() if isinstance(m, Tabular))
    assert encoder.numbers is not None
    assert encoder.layer.linear.weight.shape[1] == 3 * 3 + 3 + 3
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    inputs = rows(of, 40, 2).inputs
    before = predict(network, of, inputs)
    changed = predict(network, of, {**inputs, "y": {**inputs["y"], "numeric": np.full_like(inputs["y"]["numeric"], np.nan)}})
    assert all(changed[name].tobytes() == before[name].tobytes() for name in "ad")
    assert all(changed[name].tobytes() != before[name].tobytes() for name in "bc")
    plain = next(m for m in build_network(two_inputs, model).modules() if isinstance(m, Tabular))
    assert plain.numbers is None
    assert all(not one.bins for one in plan_of(two_inputs).inputs)


def test_members_start_by_a_normal_factor_a_feature_where_there_are_bins(two_inputs: Encodings) -> None:
    """What the package takes with embeddings; without them ±1. One factor for all numbers of a column."""
    model = Model(members=4, bin_width=3, width=8)
    for encodings, signs in ((two_inputs, True), (binned(two_inputs), False)):
        encoder = next(m for m in build_network(encodings, model).modules() if isinstance(m, Tabular))
        r = encoder.layer.linear.r
        assert r is not None
        assert bool((r.abs() == 1).all()) is signs
        if not signs:
            of_column = r[..., :9].unflatten(-1, (3, 3))
            assert (of_column == of_column[..., :1]).all()
            assert r[0].unique().numel() == 4 * (3 + 3 + 1)


def test_one_copy_takes_the_numbers_of_many_viewers() -> None:
    torch.manual_seed(0)
    mine = PiecewiseLinear([(-1.0, 0.0, 1.0), (0.0, 2.0)], 3, 1)
    torch.nn.init.normal_(mine.weight)
    x, missing = torch.randn(4, 5, 2), (torch.rand(4, 5, 2) < 0.3).float()
    found = mine(x, missing)
    assert found.shape == (4, 5, 6)
    for viewer in range(4):
        torch.testing.assert_close(found[viewer], mine(x[viewer][None], missing[viewer][None])[0])
