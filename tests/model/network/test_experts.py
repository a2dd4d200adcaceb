"""mmoe, cgc, ple, dselect_k: small cases by hand, the properties their papers promise, and what a task may see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, build_network, predict
from mtl.network.sharing.dselect_k import Selectors, smooth_step
from mtl.spec import Model
from tests.model.network.conftest import EXPERTS, batch_of, labels_of, model_of

RowsOf = Callable[..., AlignedSet]


@pytest.fixture(params=list(EXPERTS))
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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


@pytest.mark.parametrize("encodings", ["mixed", "two_inputs"])
def test_every_shared_gradient_passes_the_meeting(case: str, encodings: str, rows: RowsOf, request: pytest.FixtureRequest) -> None:
    """Each task's gradient at the shared parameters, through the meeting alone, is its whole gradient there."""
    of: Encodings = request.getfixturevalue(encodings)
    network = build_network(of, model_of(case)).eval()
    some, shared = rows(of, 32, 7), network.shared_parameters()
    targets, mask = labels_of(some)
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


def test_options_are_checked_in_words() -> None:
    for said, words in (
        ({"sharing": "mmoe", "options": {"experts": 2.5}}, "a whole number"),
        ({"sharing": "ple", "depth": 1}, "a depth of at least 2"),
        ({"sharing": "dselect_k", "options": {"experts": 2, "k": 3}}, "at most its 2 experts"),
        ({"sharing": "mmoe", "options": {"own_experts": 1}}, "an option of mmoe"),
    ):
        with pytest.raises(ValueError, match=words):
            Model.model_validate(said)
