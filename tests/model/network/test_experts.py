"""mmoe, cgc, ple, dselect_k: small cases by hand, the properties their papers promise, and what a task may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, input_tensors, predict, rows_of
from mtl.network.sharing.dselect_k import Selectors, smooth_step
from mtl.spec import Model
from tests.model.conftest import table
from tests.model.conftest import task as task_of

RowsOf = Callable[..., AlignedSet]
SEVERAL = {
    "mmoe": {"experts": 3},
    "cgc": {"experts": 2, "own_experts": 2},
    "ple": {"experts": 2, "own_experts": 1, "levels": 2},
    "ple3": {"experts": 2, "own_experts": 2, "levels": 3},
    "dselect_k": {"experts": 5, "k": 2},
    "dselect_k of rows": {"experts": 4, "k": 2, "per_example": 1, "gamma": 10},
}


def model_of(case: str, fusion: str = "concat", **more: Any) -> Model:
    sharing = {"ple3": "ple", "dselect_k of rows": "dselect_k"}.get(case, case)
    said = {"sharing": sharing, "options": SEVERAL.get(case, {}), "fusion": fusion, "width": 16, "depth": 3, "dropout": 0.2}
    return Model.model_validate({**said, **more})


def batch_of(network: Network, rows: AlignedSet) -> dict[str, dict[str, torch.Tensor]]:
    tensors = input_tensors(network.plan, rows.inputs)
    return {name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()}


@pytest.fixture(params=list(SEVERAL))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("fusion", ["concat", "mean", "attention"])
def test_a_hidden_input_moves_no_bit(case: str, fusion: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """Not through a shared expert, nor through another task's own one, whatever stands there."""
    network = build_network(two_inputs, model_of(case, fusion))
    inputs = rows(two_inputs, 64, 2).inputs
    before = predict(network, two_inputs, inputs)
    for hidden, blind, seeing in (("y", "ad", "bc"), ("x", "b", "acd")):
        for value in (1e3, np.nan):
            changed = {**inputs, hidden: {**inputs[hidden], "numeric": np.full_like(inputs[hidden]["numeric"], value)}}
            after = predict(network, two_inputs, changed)
            assert all(after[name].tobytes() == before[name].tobytes() for name in blind)
            assert all(after[name].tobytes() != before[name].tobytes() for name in seeing)


@pytest.mark.parametrize("seen", ["xxyz", "xzyz", "xyzy", "zyxx"])
def test_no_order_of_tasks_and_groups_lets_a_hidden_input_through(case: str, seen: str, rows: RowsOf) -> None:
    kinds = ("regression", "regression", "binary", "regression")
    tasks = tuple(task_of(f"t{i}", kind, [one]) for i, (kind, one) in enumerate(zip(kinds, seen, strict=True)))
    encodings = Encodings({name: table(name, 3) for name in "xyz"}, tasks)
    network, arrays = build_network(encodings, model_of(case)), rows(encodings, 16, 5).inputs
    before = predict(network, encodings, arrays)
    for hidden in "xyz":
        changed = {**arrays, hidden: {**arrays[hidden], "numeric": arrays[hidden]["numeric"] + 9}}
        after = predict(network, encodings, changed)
        moved = {name for name, values in after.items() if values.tobytes() != before[name].tobytes()}
        assert moved == {one.name for one in tasks if hidden in one.inputs}


def test_an_absent_input_counts_as_absent_however_it_is_said(case: str, two_inputs: Encodings, rows: RowsOf) -> None:
    network = build_network(two_inputs, model_of(case))
    inputs = rows(two_inputs, 8, 3).inputs
    left_out = predict(network, two_inputs, {"x": inputs["x"]})
    masked = predict(network, two_inputs, {**inputs, "y": {**inputs["y"], "present": np.zeros(8, bool)}})
    assert all(values.tobytes() == masked[name].tobytes() for name, values in left_out.items())


def test_no_rows_give_no_predictions(case: str, mixed: Encodings, rows: RowsOf) -> None:
    none = {name: {key: a[:0] for key, a in of.items()} for name, of in rows(mixed, 1, 0).inputs.items()}
    assert {len(values) for values in predict(build_network(mixed, model_of(case)), mixed, none).values()} == {0}


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
@pytest.mark.parametrize(
    ("sharing", "options"),
    [
        ("mmoe", {"experts": 1}),
        ("cgc", {"experts": 1, "own_experts": 0}),
        ("ple", {"experts": 1, "own_experts": 0, "levels": 2}),
        ("dselect_k", {"experts": 1, "k": 1}),
    ],
)
def test_one_expert_and_no_own_ones_is_shared_bottom(
    sharing: str, options: dict[str, int], encodings: str, rows: RowsOf, request: pytest.FixtureRequest
) -> None:
    """With the weights of shared_bottom in that expert: depth means the same."""
    of: Encodings = request.getfixturevalue(encodings)
    plain, mixture = build_network(of, model_of("shared_bottom")), build_network(of, model_of(sharing, options=options))
    trunk = [p for name, p in plain.named_parameters() if name.startswith("body.")]
    experts = [p for name, p in mixture.named_parameters() if name.startswith("body.experts.")]
    with torch.no_grad():
        for mine, theirs in zip([*experts, *mixture.heads.parameters()], [*trunk, *plain.heads.parameters()], strict=True):
            mine.copy_(theirs)
    inputs = rows(of, 40, 4).inputs
    expected, found = predict(plain, of, inputs), predict(mixture, of, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_gates_sum_to_one_and_are_reported_a_task_and_expert(
    case: str, encodings: str, rows: RowsOf, request: pytest.FixtureRequest
) -> None:
    of: Encodings = request.getfixturevalue(encodings)
    network = build_network(of, model_of(case)).eval()
    inputs = batch_of(network, rows(of, 30, 1))
    _, weights = network.body._mixed(inputs)
    assert (weights >= 0).all()
    if case != "dselect_k":  # of five experts: the codes 5 to 7 have none, and take their part until the penalty has worked
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    gates = network.body.gates(inputs)
    assert gates is not None
    assert gates.shape == (len(of.tasks), len(network.body.gate_names()))
    torch.testing.assert_close(gates, weights.mean((1, 2)))


def test_order_of_tasks_does_not_matter(case: str, mixed: Encodings, rows: RowsOf) -> None:
    order = [3, 0, 6, 2, 5, 1, 4]
    turned = Encodings(mixed.inputs, tuple(mixed.tasks[t] for t in order))
    network, other = build_network(mixed, model_of(case)), build_network(turned, model_of(case))
    state, of = dict(network.named_parameters()), rows_of(network.stacked(), order)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            parameter.copy_(state[name] if of[name] is None else state[name][of[name]])
    inputs = rows(mixed, 30, 6).inputs
    expected, found = predict(network, mixed, inputs), predict(other, turned, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("sharing", ["mmoe", "cgc", "dselect_k"])
def test_only_is_the_same_network_for_fewer_tasks(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, model_of(sharing)).eval()
    inputs, chosen = batch_of(network, rows(mixed, 20, 5)), network.only([1, 4, 6]).eval()
    before, after = network.decode(network(inputs)), chosen.decode(chosen(inputs))
    for place, task in enumerate([1, 4, 6]):
        torch.testing.assert_close(after[place], before[task], rtol=0, atol=1e-6)


def test_from_ple_no_task_is_taken_out_alone(mixed: Encodings) -> None:
    """The others' own experts are in its shared part."""
    with pytest.raises(ValueError, match="ple"):
        build_network(mixed, model_of("ple")).only([1, 2])


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_every_shared_gradient_passes_the_meeting(case: str, encodings: str, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    """Each task's gradient at the shared parameters, through the meeting alone, is its whole gradient there."""
    of: Encodings = request.getfixturevalue(encodings)
    network = build_network(of, model_of(case)).eval()
    some, shared = rows(of, 32, 7), network.shared_parameters()
    targets, mask = torch.from_numpy(some.targets.T.copy()), torch.from_numpy(some.labelled.T.copy()).float()
    outputs = network(batch_of(network, some))
    losses, meeting = network.losses(outputs, targets, mask), outputs.shared.meeting
    assert meeting is not None
    assert shared
    assert meeting.shape[1:] == (32, 1, 16)
    for loss in losses:
        whole = torch.autograd.grad(loss, shared, retain_graph=True, materialize_grads=True)
        (there,) = torch.autograd.grad(loss, meeting, retain_graph=True)
        through = torch.autograd.grad(meeting, shared, there, retain_graph=True, materialize_grads=True)
        for mine, all_of_it in zip(through, whole, strict=True):
            torch.testing.assert_close(mine, all_of_it, rtol=1e-4, atol=1e-6)


def test_private_parameters_hear_their_own_task_only(case: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, model_of(case)).eval()
    some = rows(mixed, 32, 7)
    targets, mask = torch.from_numpy(some.targets.T.copy()), torch.from_numpy(some.labelled.T.copy()).float()
    absent = [0, 2, 3]
    mask[absent] = 0
    network.losses(network(batch_of(network, some)), targets, mask).sum().backward()
    owners = network.owners()
    for name, parameter in network.named_parameters():
        grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert all(owner not in absent or not grad[row].any() for row, owner in enumerate(owners[name])), name
    moved = [name for name, p in network.named_parameters() if owners[name] and p.grad is not None and p.grad.any()]
    assert any(name.startswith("body.gate") for name in moved)


def permuted(module: nn.Module, order: list[int]) -> None:
    """Put every expert's weights elsewhere."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter[order].clone())


def test_permuting_experts_with_their_gates_changes_nothing(mixed: Encodings, rows: RowsOf) -> None:
    network, order = build_network(mixed, model_of("mmoe")), [2, 0, 1]
    inputs = rows(mixed, 30, 6).inputs
    before = predict(network, mixed, inputs)
    permuted(network.body.experts, order)
    assert any(np.abs(predict(network, mixed, inputs)[name] - before[name]).max() > 1e-3 for name in before)
    with torch.no_grad():
        for name, parameter in network.body.gate.named_parameters():
            if not name.endswith("table"):
                parameter.copy_(parameter[..., order].clone())
    after = predict(network, mixed, inputs)
    for name in before:
        np.testing.assert_allclose(after[name], before[name], rtol=0, atol=1e-6)


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def weights_of(network: Network) -> dict[str, np.ndarray]:
    return {name.removeprefix("body."): p.detach().double().numpy() for name, p in network.named_parameters()}


def by_hand(
    make: Callable[..., Encodings], rows: RowsOf, case: str, depth: int
) -> tuple[Network, np.ndarray, dict[str, np.ndarray]]:
    """A network of two tasks on one input of two numbers, what its first layers read, and its weights."""
    encodings = make([("a", "regression"), ("b", "regression")], numeric=2)
    network = build_network(encodings, model_of(case, width=3, depth=depth)).eval()
    arrays = rows(encodings, 5, 0).inputs["x"]
    return network, np.concatenate([arrays["numeric"], arrays["missing"]], 1).astype(np.float64), weights_of(network)


def seen_by(network: Network, x: np.ndarray) -> np.ndarray:
    """[task, batch, width]."""
    dense = torch.from_numpy(x).float()[None]
    with torch.no_grad():
        found = network.body({"x": {"dense": dense, "codes": torch.zeros(1, len(x), 0, dtype=torch.int64)}}).seen
    return np.asarray(found.double().squeeze(2).numpy())


def test_mmoe_by_hand(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """f^t(x) = Σ_i softmax(W_t x)_i f_i(x), f_i one hidden layer."""
    network, x, w = by_hand(make, rows, "mmoe", depth=1)
    at, gate = "experts.0.0.encoders.x.layer.linear", "gate.scores.sight.encoders.x.layer"
    experts = np.stack([silu(x @ w[f"{at}.weight"][i] + w[f"{at}.bias"][i]) for i in range(3)])
    for t, found in enumerate(seen_by(network, x)):
        g = softmax(x @ w[f"{gate}.weight"][t] + w[f"{gate}.bias"][t])
        np.testing.assert_allclose(found, np.einsum("be,ebw->bw", g, experts), atol=1e-6)


def test_cgc_by_hand(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Task t mixes [its own two, the two shared ones] and nobody else's."""
    network, x, w = by_hand(make, rows, "cgc", depth=1)
    at, gate = "encoders.x.layer.linear", "gate.scores.sight.encoders.x.layer"
    for t, found in enumerate(seen_by(network, x)):
        places = [(f"own.{i}.0.{at}", t) for i in range(2)] + [(f"experts.0.0.{at}", i) for i in range(2)]
        experts = np.stack([silu(x @ w[f"{name}.weight"][i] + w[f"{name}.bias"][i]) for name, i in places])
        g = softmax(x @ w[f"{gate}.weight"][t] + w[f"{gate}.bias"][t])
        np.testing.assert_allclose(found, np.einsum("be,ebw->bw", g, experts), atol=1e-6)


def test_ple_by_hand(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Two levels of one layer each: the second reads the mixes of the first, its shared experts that of the group gate."""
    network, x, w = by_hand(make, rows, "ple", depth=2)

    def linear(name: str, i: int, x: np.ndarray) -> np.ndarray:
        return np.asarray(x @ w[f"{name}.weight"][i] + w[f"{name}.bias"][i])

    enc = "encoders.x.layer"
    shared = [silu(linear(f"experts.0.0.{enc}.linear", i, x)) for i in range(2)]
    own = [silu(linear(f"own_before.0.0.0.{enc}.linear", t, x)) for t in range(2)]
    states = []
    for t in range(2):
        g = softmax(linear(f"gate_before.0.scores.sight.{enc}", t, x))
        states.append(np.einsum("be,ebw->bw", g, np.stack([own[t], *shared])))
    of_own = [linear(f"between_own.0.sight.{enc}", t, x) for t in range(2)]
    g = softmax(np.concatenate([linear(f"between.0.sight.{enc}", 0, x), *of_own], -1))
    state = np.einsum("be,ebw->bw", g, np.stack([*shared, *own]))
    shared = [silu(linear("experts.1.0.linear", i, state)) for i in range(2)]
    for t, found in enumerate(seen_by(network, x)):
        mine = silu(linear("own.0.0.linear", t, states[t]))
        g = softmax(linear("gate.scores", t, states[t]))
        np.testing.assert_allclose(found, np.einsum("be,ebw->bw", g, np.stack([mine, *shared])), atol=1e-6)


def selectors_of(experts: int, k: int, make: Callable[..., Encodings], **options: float) -> Selectors:
    encodings = make([("a", "regression"), ("b", "regression")])
    body = build_network(encodings, model_of("dselect_k", options={"experts": experts, "k": k, **options})).body
    assert isinstance(body.gate, Selectors)
    return body.gate


def test_dselect_k_by_hand(make: Callable[..., Encodings]) -> None:
    """Four experts, two selectors; digit 0 of an expert's number is z[0]. γ = 2."""
    gate = selectors_of(4, 2, make, gamma=2.0)
    assert gate.z is not None
    assert gate.alpha is not None
    with torch.no_grad():
        gate.z[0] = torch.tensor([0.4, -0.6, 3.0, -3.0])
        gate.alpha[0] = torch.tensor([0.0, np.log(3.0)])
    step = [-2 * z**3 / 8 + 3 * z / 4 + 0.5 for z in (0.4, -0.6)]
    first = np.array([(1 - step[0]) * (1 - step[1]), step[0] * (1 - step[1]), (1 - step[0]) * step[1], step[0] * step[1]])
    expected = 0.25 * first + 0.75 * np.array([0, 1, 0, 0])
    np.testing.assert_allclose(gate({})[0][0].detach().numpy().squeeze(), expected, atol=1e-6)


@pytest.mark.parametrize("experts", [2, 4, 5, 8])
@pytest.mark.parametrize("k", [1, 2])
def test_dselect_k_reads_at_most_k_experts_once_it_has_decided(experts: int, k: int, make: Callable[..., Encodings]) -> None:
    gate = selectors_of(experts, k, make)
    torch.manual_seed(0)
    for _ in range(20):
        with torch.no_grad():
            assert gate.z is not None
            gate.z.copy_(torch.sign(torch.randn_like(gate.z)) * (0.5 + torch.rand_like(gate.z)))
        weights, penalty = gate({})
        assert ((weights > 0).sum(-1) <= k).all()
        if experts in (2, 4, 8):
            torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
            assert float(penalty.detach()) == pytest.approx(0, abs=1e-8)


def test_smooth_step_is_smooth_and_exact_at_both_ends() -> None:
    x = torch.linspace(-2, 2, 4001, dtype=torch.float64, requires_grad=True)
    y = smooth_step(x, 1.0)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert (y[x <= -0.5] == 0).all()
    assert (y[x >= 0.5] == 1).all()
    assert (slope >= 0).all()
    assert float((slope[1:] - slope[:-1]).abs().max()) < 0.02
    torch.testing.assert_close(y + y.flip(0), torch.ones_like(y))


@pytest.mark.parametrize("per_example", [0, 1])
def test_the_penalty_alone_makes_selectors_choose(per_example: int, make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Descent on it: no entropy is left, and of three experts no selector chooses the fourth code."""
    encodings = make([("a", "regression"), ("b", "binary")])
    options = {"experts": 3, "k": 2, "entropy": 1.0, "per_example": per_example}
    network = build_network(encodings, model_of("dselect_k", options=options)).eval()
    inputs = batch_of(network, rows(encodings, 16, 0))
    optimizer = torch.optim.Adam(network.body.gate.parameters(), lr=0.05)
    for _ in range(150):
        penalty = network.body(inputs).penalty
        assert penalty is not None
        optimizer.zero_grad()
        penalty.backward()
        optimizer.step()
    weights = network.body.gate(inputs)[0]
    assert ((weights > 1e-4).sum(-1) <= 2).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("members", [1, 4])
def test_members_go_through(case: str, members: int, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, model_of(case, members=members)).eval()
    assert network.body(batch_of(network, rows(mixed, 7, 0))).seen.shape == (7, 7, members, 16)


def test_options_are_checked_in_words() -> None:
    for said, words in (
        ({"sharing": "mmoe", "options": {"experts": 2.5}}, "a whole number"),
        ({"sharing": "ple", "depth": 1}, "a depth of at least 2"),
        ({"sharing": "dselect_k", "options": {"experts": 2, "k": 3}}, "at most its 2 experts"),
        ({"sharing": "mmoe", "options": {"own_experts": 1}}, "an option of mmoe"),
    ):
        with pytest.raises(ValueError, match=words):
            Model.model_validate(said)
