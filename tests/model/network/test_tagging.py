"""Networks that tag: tokens as rows over all sharings, sight, members, batches, what may be empty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, predict
from mtl.network.predict import predict_with_spread
from mtl.network.tokens import TokenRows, side_by_side
from mtl.spec.options import OWN_ROWS
from mtl.training.batches import Store
from tests.model.network.conftest import WAYS, model_of, stirred
from tests.tagging import MAKES, apart, mixed, rows_of, sentences

TAGGING = [name for name in WAYS if name != "message_passing"]
"""Every sharing whose heads guess once."""


def network_of(encodings: Encodings, way: str = "shared_bottom", **more: object) -> Network:
    return stirred(build_network(encodings, model_of(way, **more)))


def same(a: object, b: object) -> bool:
    return all(
        np.asarray(getattr(a, part, a)).tobytes() == np.asarray(getattr(b, part, b)).tobytes() for part in ("values", "offsets")
    )


def losses_of(network: Network, rows: AlignedSet, chosen: list[int] | None = None) -> torch.Tensor:
    store = Store.of(network.plan, rows, torch.device("cpu"))
    batch = store.batch(torch.arange(rows.rows) if chosen is None else torch.tensor(chosen))
    return network.losses(network(batch.inputs), batch.targets, batch.mask, batch.lists)


@torch.no_grad()
def scores_of(network: Network, rows: AlignedSet) -> dict[str, bytes]:
    """Task → its logits, of all rows or of all tokens."""
    outputs = network(Store.of(network.plan, rows, torch.device("cpu")).batch(torch.arange(rows.rows)).inputs)
    found = {network.plan.tasks[t].name: outputs.logits[kind][i] for kind, at in network.kinds.items() for i, t in enumerate(at)}
    return {name: logits[logits > -torch.inf].numpy().tobytes() for name, logits in found.items()}


@pytest.mark.parametrize("way", TAGGING)
@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("members", [1, 2])
def test_every_sharing_tags_every_token(way: str, make: str, members: int) -> None:
    encodings = MAKES[make]()
    network, rows = network_of(encodings, way, members=members), rows_of(encodings, 20, 1)
    found, spread = predict_with_spread(network, encodings, rows.inputs)
    for one in encodings.tasks:
        if one.kind == "tagging":
            assert np.array_equal(found[one.name].lengths, rows.inputs[one.tags]["tokens"].lengths)
            tags = one.tags_of(found[one.name])
            assert not one.spans or not any(
                tag.startswith("I-") and (i == 0 or row[i - 1][2:] != tag[2:]) for row in tags for i, tag in enumerate(row)
            )
    assert set(spread) == ({one.name for one in encodings.tasks if one.kind != "tagging"} if members > 1 else set())
    losses = losses_of(network.train(), rows)
    torch.autograd.backward(losses.sum())
    assert losses.isfinite().all()
    assert (losses > 0).all()
    assert all(bool(p.grad.isfinite().all()) for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("way", TAGGING)
def test_a_row_does_not_know_the_batch(way: str) -> None:
    """Neither its tokens' tags nor its loss."""
    encodings = apart()
    network, rows = network_of(encodings, way).eval(), rows_of(encodings, 7, 2, labelled=1.0)
    whole = losses_of(network, rows)
    each = sum(losses_of(network, rows, [i]) for i in range(7))
    torch.testing.assert_close(whole, each, rtol=1e-5, atol=1e-5)
    together = predict(network, encodings, rows.inputs)
    for size in (1, 4):
        found = predict(network, encodings, rows.inputs, batch_size=size)
        assert all(same(found[name], together[name]) for name in "abc")


@pytest.mark.parametrize("way", TAGGING)
@pytest.mark.parametrize("fusion", ["concat", "mean", "attention"])
def test_a_hidden_input_moves_no_bit(way: str, fusion: str) -> None:
    """Also not by how many tokens it has."""
    encodings = apart()
    network, rows = network_of(encodings, way, fusion=fusion, members=2).eval(), rows_of(encodings, 20, 3)
    before, tags = scores_of(network, rows), predict(network, encodings, rows.inputs)
    for hidden, blind, seeing in (("s", "bde", "ac"), ("u", "ae", "bcd"), ("x", "abcd", "e")):
        other = rows_of(encodings, 20, 17, words={"s": sentences(20, 5, 11), "u": sentences(20, 6, 2)})
        changed = replace(rows, inputs={**rows.inputs, hidden: other.inputs[hidden]})
        after = scores_of(network, changed)
        assert all(before[name] == after[name] for name in blind)
        assert not any(before[name] == after[name] for name in seeing)
        found = predict(network, encodings, changed.inputs)
        assert all(same(found[name], tags[name]) for name in blind)


@pytest.mark.parametrize("way", OWN_ROWS)
def test_each_task_on_its_own_rows_learns_what_it_learns_on_all(way: str) -> None:
    """Where tasks have rows of their own, those are the rows that have its label: loss and gradient stay the same."""
    encodings = mixed()
    network, rows = network_of(encodings, way).eval(), rows_of(encodings, 16, 4)
    store = Store.of(network.plan, rows, torch.device("cpu"))
    labelled = [np.flatnonzero(rows.labelled[:, t]) for t in range(len(encodings.tasks))]
    most = max(len(one) for one in labelled)
    own = torch.tensor([[*one, *[-1] * (most - len(one))] for one in labelled])
    found = []
    for at in (torch.arange(16), own):
        batch = store.batch(at)
        network.zero_grad()
        losses = network.losses(network(batch.inputs), batch.targets, batch.mask, batch.lists)
        torch.autograd.backward(losses.sum())
        found.append((losses.detach(), [p.grad.clone() for p in network.parameters() if p.grad is not None]))
    torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-5, atol=1e-5)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", TAGGING)
@pytest.mark.parametrize("make", MAKES)
def test_rows_may_have_no_token(way: str, make: str) -> None:
    """No row of a batch, or none at all."""
    encodings = MAKES[make]()
    network = network_of(encodings, way)
    none = rows_of(encodings, 3, 5, words={name: [[]] * 3 for name, one in encodings.inputs.items() if one.kind == "tokens"})
    losses = losses_of(network.train(), none)
    torch.autograd.backward(losses.sum())
    assert all(losses[t].item() == 0 for t, one in enumerate(encodings.tasks) if one.kind == "tagging")
    found = predict(network, encodings, none.inputs)
    assert all(found[one.name].lengths.tolist() == [0, 0, 0] for one in encodings.tasks if one.kind == "tagging")


def test_tasks_taken_out_predict_the_same() -> None:
    encodings = apart()
    network, rows = network_of(encodings, "separate"), rows_of(encodings, 20, 6)
    before = predict(network, encodings, rows.inputs)
    for kept in ([0], [1, 3], [2, 4, 0]):
        some = Encodings(encodings.inputs, tuple(encodings.tasks[t] for t in kept))
        found = predict(network.only(kept), some, rows.inputs)
        for name, values in found.items():
            if hasattr(values, "offsets"):
                assert same(values, before[name])
            else:
                np.testing.assert_allclose(values, before[name], rtol=1e-5, atol=1e-6)


def test_tokens_stand_where_their_rows_say() -> None:
    """Two tasks, the second with fewer tokens; and side by side with a task of another input."""
    rows = TokenRows.of(torch.tensor([[2, 0, 3], [0, 1, 0]]), torch.device("cpu"))
    assert rows.row.tolist() == [[0, 0, 2, 2, 2], [1, 0, 0, 0, 0]]
    assert rows.place.tolist() == [[0, 1, 0, 1, 2], [0, 3, 3, 3, 3]]
    x = torch.arange(1.0, 11).view(2, 5)
    assert rows.grid(x, 0.0).tolist() == [[[1, 2, 0], [0, 0, 0], [3, 4, 5]], [[0, 0, 0], [6, 0, 0], [0, 0, 0]]]
    assert rows.pick(torch.tensor([[10, 11, 12], [20, 21, 22]])).tolist() == [[10, 10, 12, 12, 12], [21, 20, 20, 20, 20]]
    other = TokenRows.of(torch.tensor([[0, 4, 0]]), torch.device("cpu"))
    both, laid = side_by_side([(rows.only([1]), x[1:]), (other, torch.arange(1.0, 5).view(1, 4))])
    assert both.grid(laid, 0.0).tolist() == [[[0] * 4, [6, 0, 0, 0], [0] * 4], [[0] * 4, [1, 2, 3, 4], [0] * 4]]
