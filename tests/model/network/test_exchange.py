"""cross_stitch, task_conditioned, message_passing: their papers' equations by hand, and what they hold of other sharings."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, predict
from mtl.network.sharing.cross_stitch import STEEPNESS, CrossStitch
from mtl.network.sharing.hearing import circles
from mtl.network.sharing.message_passing import MessagePassing
from mtl.network.sharing.task_conditioned import TaskConditioned
from mtl.spec import Model
from tests.model.network.conftest import batch_of, labels_of, stirred

MINE = ["cross_stitch", "task_conditioned", "message_passing"]
RowsOf = Callable[..., AlignedSet]


def small(sharing: str, **more: object) -> Model:
    return Model.model_validate({"sharing": sharing, "width": 8, "depth": 3, "dropout": 0.0, **more})


def stir(network: Network) -> Network:
    return stirred(network, by=0.2).eval()


def copied(network: Network, other: Network, names: dict[str, str]) -> None:
    """Weights of `other` into `network`, parts of the name replaced on the way."""
    state = dict(other.named_parameters())
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            for old, new in names.items():
                if name.startswith(old) and name.replace(old, new, 1) in state:
                    parameter.copy_(state[name.replace(old, new, 1)])


def test_cross_stitch_starts_as_the_paper_does(make: Callable[..., Encodings], two_inputs: Encodings) -> None:
    """α_S = 0.9 and α_D = 0.1 for two tasks; rows that sum to 1 for more; 0 where a task may not hear."""
    two = build_network(make([("a", "regression"), ("b", "binary")]), small("cross_stitch")).body
    assert isinstance(two, CrossStitch)
    torch.testing.assert_close(two.stitches(), torch.tensor([[0.9, 0.1], [0.1, 0.9]]).expand(3, 2, 2))
    own = build_network(two_inputs, small("cross_stitch", options={"start": 0.4})).body
    assert isinstance(own, CrossStitch)
    expected = [[0.4, 0, 0, 0.6], [0, 1, 0, 0], [0.2, 0.2, 0.4, 0.2], [0.6, 0, 0, 0.4]]
    torch.testing.assert_close(own.stitches()[0], torch.tensor(expected))


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_cross_stitch_by_hand(encodings: str, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    """x̃_i = Σ_j α_ij x_j after every layer, summed in loops over tasks that may hear each other."""
    of: Encodings = request.getfixturevalue(encodings)
    network = stir(build_network(of, small("cross_stitch")))
    body, inputs = network.body, batch_of(network, rows(of, 5, 0))
    assert isinstance(body, CrossStitch)
    x: object = inputs
    for layer, alpha in zip(body.own, body.stitches().double(), strict=True):
        each = layer(x).double()
        x = torch.stack(
            [
                sum(
                    (alpha[i, j] * each[j] for j, sender in enumerate(of.tasks) if set(sender.inputs) <= set(one.inputs)),
                    start=torch.zeros_like(each[0]),
                )
                for i, one in enumerate(of.tasks)
            ]
        ).float()
    torch.testing.assert_close(body(inputs).seen, x, rtol=1e-5, atol=1e-6 * x.abs().max().item())


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_cross_stitch_with_identity_is_separate_on_joint_rows(encodings: str, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    of: Encodings = request.getfixturevalue(encodings)
    plain = stir(build_network(of, small("separate")))
    stitched = build_network(of, small("cross_stitch", options={"start": 1}))
    copied(stitched, plain, {"body.own.": "body.own.", "heads.": "heads."})
    some = rows(of, 20, 1)
    expected, found = predict(plain, of, some.inputs), predict(stitched, of, some.inputs)
    assert all(np.array_equal(found[name], values) for name, values in expected.items())
    losses = [n.losses(n(batch_of(n, some)), *labels_of(some)) for n in (plain, stitched.eval())]
    torch.testing.assert_close(losses[0], losses[1])


def test_every_loss_reaches_every_stitched_network(mixed: Encodings, rows: RowsOf, two_inputs: Encodings) -> None:
    """So nothing of the body is private, all of it is where gradients meet, and a hidden sender's α never moves."""
    network = stir(build_network(mixed, small("cross_stitch")))
    assert {name for name, of in network.owners().items() if of} == {n for n in network.owners() if n.startswith("heads.")}
    some = rows(mixed, 20, 1, 1.0)
    network.losses(network(batch_of(network, some)), *labels_of(some))[3].backward()
    assert all(p.grad is not None and p.grad[0].any() for name, p in network.named_parameters() if name.endswith("linear.weight"))
    apart = stir(build_network(two_inputs, small("cross_stitch")))
    some = rows(two_inputs, 20, 1, 1.0)
    apart.losses(apart(batch_of(apart, some)), *labels_of(some)).sum().backward()
    assert isinstance(apart.body, CrossStitch)
    assert apart.body.stitch.grad is not None
    moved = apart.body.stitch.grad.abs().sum(1) > 0
    assert moved.tolist() == [[True, False, False, True], [False, True, False, False], [True] * 4, [True, False, False, True]]


def test_plain_descent_moves_stitches_as_fast_as_the_paper(make: Callable[..., Encodings]) -> None:
    """dα = 100·lr·dL/dα, the lower end of the paper's 10² to 10³."""
    body = build_network(make([("a", "regression"), ("b", "binary")]), small("cross_stitch")).body
    assert isinstance(body, CrossStitch)
    optimizer, before = torch.optim.SGD(body.parameters(), lr=0.001), body.stitches()
    (STEEPNESS * body.stitch[0, :, 1]).sum().backward()
    optimizer.step()
    torch.testing.assert_close(before - body.stitches(), torch.tensor([[0, 0.1], [0, 0]]).expand(3, 2, 2))


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_film_that_changes_nothing_is_shared_bottom(encodings: str, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    """γ = 1, β = 0: at the start for all embeddings; later with an embedding of 0."""
    of: Encodings = request.getfixturevalue(encodings)
    plain, conditioned = stir(build_network(of, small("shared_bottom"))), build_network(of, small("task_conditioned"))
    copied(conditioned, plain, {"body.": "body.", "heads.": "heads."})
    inputs = rows(of, 20, 1).inputs
    expected, body = predict(plain, of, inputs), conditioned.body
    assert isinstance(body, TaskConditioned)

    def same() -> list[bool]:
        found = predict(conditioned, of, inputs)
        return [np.allclose(found[name], values, rtol=0, atol=1e-6) for name, values in expected.items()]

    assert all(same())
    torch.nn.init.normal_(body.film.weight)
    assert not any(same())
    torch.nn.init.zeros_(body.embedding)
    assert all(same())


def test_film_by_hand(two_inputs: Encodings, rows: RowsOf) -> None:
    """h ← γ_t ⊙ h + β_t after each layer, one task at a time; before the first, one pass for tasks with the same inputs."""
    network = stir(build_network(two_inputs, small("task_conditioned", options={"embedding": 3})))
    body, inputs = network.body, batch_of(network, rows(two_inputs, 6, 0))
    assert isinstance(body, TaskConditioned)
    assert body.embedding.shape == (4, 3)
    first = body.shared[0](inputs)
    assert len(first) == len(network.plan.groups) == 3
    for t, group in enumerate([0, 1, 2, 0]):
        film = (body.film.weight @ body.embedding[t]).view(3, 2, 8)
        x = first[group : group + 1] * (1 + film[0, 0]) + film[0, 1]
        for layer in (1, 2):
            x = body.shared[layer](x) * (1 + film[layer, 0]) + film[layer, 1]
        torch.testing.assert_close(body(inputs).seen[t], x[0], rtol=1e-5, atol=1e-6)


def test_an_exchange_that_tells_nothing_leaves_the_first_guess(mixed: Encodings, rows: RowsOf) -> None:
    """At the start O = 0: shared_bottom of the same weights, and both guesses the same."""
    plain, passing = stir(build_network(mixed, small("shared_bottom"))), build_network(mixed, small("message_passing"))
    copied(passing, plain, {"body.": "body.", "heads.": "heads."})
    some = rows(mixed, 20, 1)
    expected, found = predict(plain, mixed, some.inputs), predict(passing, mixed, some.inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6)
    outputs = passing.train()(batch_of(passing, some))
    assert outputs.first is not None
    for kind, logits in outputs.logits.items():
        torch.testing.assert_close(outputs.first[kind], logits, rtol=1e-5, atol=1e-5)
    stir(passing)
    after = predict(passing, mixed, some.inputs)
    assert any(np.abs(after[name] - values).max() > 1e-3 for name, values in expected.items())


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_message_passing_by_hand(encodings: str, members: int, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    """Attention of one task in one row at a time, in float64."""
    of: Encodings = request.getfixturevalue(encodings)
    network = stir(build_network(of, small("message_passing", options={"message": 4}, members=members))).double()
    body, tasks = network.body, len(of.tasks)
    assert isinstance(body, MessagePassing)
    shared = body({n: {k: t.double() if t.is_floating_point() else t for k, t in a.items()}
                   for n, a in batch_of(network, rows(of, 3, 0)).items()})  # fmt: skip
    guesses = torch.rand(tasks, 3, members, 5 if encodings == "two_inputs" else body.guess_of.weight.shape[1]).double()
    (messages, into), view = body.exchange(shared, guesses), body.view(network.plan)
    assert into is body.tell_weight
    heard = {i: heard for hearers, heard in circles(network.plan) for i in hearers}
    q_weight, k_weight, v_weight = body.ask.weight.chunk(3)
    q_bias, k_bias, v_bias = body.ask.bias.chunk(3)
    for row in range(3):
        for m in range(members):
            token = [
                torch.nn.functional.silu(
                    shared.seen[view[t], row, m] @ body.view_of.weight[t] + body.view_of.bias[t]
                    + guesses[t, row, m] @ body.guess_of.weight[t] + body.guess_of.bias[t]
                )
                for t in range(tasks)
            ]  # fmt: skip
            for i in range(tasks):
                query = q_weight @ token[i] + q_bias
                scores = torch.stack([query @ (k_weight @ token[j] + k_bias) / math.sqrt(4) for j in heard[i]])
                weights = scores.exp() / scores.exp().sum()
                told = sum((w * (v_weight @ token[j] + v_bias) for w, j in zip(weights, heard[i], strict=True)), torch.zeros(4))
                torch.testing.assert_close(messages[i, row, m], told.double())


@pytest.mark.parametrize("first", [0.0, 1.0, 3.0])
def test_both_guesses_are_supervised_in_training_only(first: float, mixed: Encodings, rows: RowsOf) -> None:
    network = stir(build_network(mixed, small("message_passing", options={"first": first}))).train()
    some = rows(mixed, 20, 1)
    outputs, (targets, mask) = network(batch_of(network, some)), labels_of(some)
    assert outputs.first is not None
    first_loss = build_losses(network, outputs.first, targets, mask)
    second_loss = build_losses(network, outputs.logits, targets, mask)
    assert (first_loss - second_loss).abs().min() > 1e-4
    torch.testing.assert_close(network.losses(outputs, targets, mask), (second_loss + first * first_loss) / (1 + first))
    outputs = network.eval()(batch_of(network, some))
    assert outputs.first is None
    torch.testing.assert_close(network.losses(outputs, targets, mask), second_loss)


def build_losses(network: Network, logits: dict[str, Tensor], targets: Tensor, mask: Tensor) -> Tensor:
    losses = torch.zeros(len(network.plan.tasks))
    for kind, at in network.kinds.items():
        each = network.head(kind).loss(logits[kind], targets[at]).mean(-1) * mask[at]
        losses[at] = each.sum(1)
    return losses


@pytest.mark.parametrize("sharing", MINE)
@pytest.mark.parametrize("kind", ["regression", "ordinal"])
def test_one_task_alone(sharing: str, kind: str, make: Callable[..., Encodings], rows: RowsOf) -> None:
    encodings = make([("a", kind)])
    network = stir(build_network(encodings, small(sharing, depth=1)))
    assert np.isfinite(predict(network, encodings, rows(encodings, 9, 0).inputs)["a"]).all()


@pytest.mark.parametrize("sharing", MINE)
def test_it_asks_for_the_parameters_where_gradients_meet(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    """There is no activation through which every task acts on all that is shared, and none is claimed."""
    network = build_network(mixed, small(sharing))
    assert network(batch_of(network, rows(mixed, 4, 0))).shared.meeting is None
    assert network.shared_parameters()


def test_options_have_limits() -> None:
    for sharing, options in (
        ("cross_stitch", {"start": 1.5}),
        ("task_conditioned", {"embedding": 0}),
        ("message_passing", {"message": 0}),
        ("message_passing", {"first": -1}),
        ("message_passing", {"start": 1}),
    ):
        with pytest.raises(ValueError, match=rf"{next(iter(options))}"):
            small(sharing, options=options)
    overridden = small("cross_stitch", options={"start": 0.5})
    assert build_network_from(overridden, "task_conditioned").model.option("embedding") == 16


def build_network_from(model: Model, sharing: str) -> Network:
    from mtl.network.input_plans import TabularPlan
    from mtl.network.plan import Plan, TaskPlan

    plan = Plan((TabularPlan("x", numeric=2),), (TaskPlan("a", "regression", 1, frozenset("x")),), (("regression", 1),))
    return Network(plan, model, sharing)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_the_second_guess_reads_what_was_told(encodings: str, members: int, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    """Logits of h + message·O by the very same heads, although that sum is never made."""
    of: Encodings = request.getfixturevalue(encodings)
    network = stir(build_network(of, small("message_passing", members=members)))
    body, inputs = network.body, batch_of(network, rows(of, 6, 0))
    assert isinstance(body, MessagePassing)
    shared, first = body(inputs), network.train()(inputs).first
    assert first is not None
    guesses = network._padded({kind: network.head(kind).told(of) for kind, of in first.items()})
    told, into = body.exchange(shared, guesses)
    h = shared.seen[body.view(network.plan)] + told @ into
    for kind, at in network.kinds.items():
        torch.testing.assert_close(network(inputs).logits[kind], network.head(kind)(h[at]), rtol=1e-4, atol=1e-4)
