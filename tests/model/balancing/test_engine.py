"""The engine: the Gramian against explicit gradients, the update against sums of them, for every sharing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mtl.balancing import BALANCINGS, Aggregation, Balanced, Meeting, gramian
from mtl.balancing.place import overlap
from mtl.balancing.solvers.geometry import Array, Geometry
from mtl.balancing.weighting import Weighting
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, plan_of
from mtl.network.sharing import SHARINGS
from mtl.spec import Model
from mtl.spec.options import MEETING
from mtl.training.batches import Batch, Store
from mtl.training.meeting import Meetings

RowsOf = Callable[..., AlignedSet]
SHARED = [name for name in SHARINGS if name != "separate"]
ROWS = 24


class Given(Weighting):
    """Weights as the test says; notes what it was asked."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__(len(weights))
        self.given = torch.tensor(weights, dtype=torch.float64)
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, gramian: Tensor, present: Tensor | None = None) -> Tensor:
        assert present is not None
        self.asked.append((gramian, present))
        return self.given[present]

    def weigh(self, gradients: Geometry, present: Array) -> Array:
        raise AssertionError("nobody asks for these: `forward` has the weights")


class Step:
    """One forward pass of a network in float64, and what balancing sees of it."""

    def __init__(
        self, encodings: Encodings, rows: RowsOf, sharing: str, members: int = 1, absent: Sequence[int] = (), **more: float
    ) -> None:
        torch.manual_seed(0)
        model = Model.model_validate({"sharing": sharing, "width": 6, "depth": 2, "dropout": 0.0, "members": members, **more})
        self.network = Network(plan_of(encodings), model).double()
        for parameter in self.network.parameters():  # some begin at 0, which would hide what they do
            parameter.data += 0.05 * torch.randn_like(parameter)
        store = Store.of(self.network.plan, rows(encodings, ROWS, 0), torch.device("cpu"))
        mask = store.mask.clone()
        mask[list(absent)] = 0
        store = replace(store, mask=mask)
        dealt = torch.arange(ROWS)
        self.batch = _double(store.batch(dealt.expand(len(mask), -1) if self.network.body.own_rows else dealt))
        self.forward()

    def forward(self) -> None:
        self.network.zero_grad()
        meetings = Meetings(self.network)
        with meetings.traced(True):
            outputs = meetings.forward(self.batch.inputs)
        sums, labels = self.network.losses(outputs, self.batch.targets, self.batch.mask), self.batch.mask.sum(1)
        self.losses, self.present, self.meeting = sums / labels.clamp(min=1), labels > 0, meetings(outputs)

    def explicit(self, parameters: Sequence[Tensor]) -> Tensor:
        """[task, all of these]: gradients by one plain pass a task."""
        rows = []
        for loss in self.losses:
            grads = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
            rows.append(torch.cat([torch.zeros_like(p).flatten() if g is None else g.flatten() for p, g in zip(parameters, grads)]))
        return torch.stack(rows)

    def gradients(self) -> dict[str, Tensor]:
        return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in self.network.named_parameters()}


def _double(batch: Batch) -> Batch:
    inputs = {n: {k: t.double() if t.is_floating_point() else t for k, t in of.items()} for n, of in batch.inputs.items()}
    return replace(batch, inputs=inputs, targets=batch.targets.double(), mask=batch.mask.double())


@pytest.fixture(params=["mixed", "two_inputs"])
def encodings(request: pytest.FixtureRequest) -> Encodings:
    found: Encodings = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("sharing", SHARED)
def test_the_gramian_at_the_parameters_is_exact(sharing: str, members: int, encodings: Encodings, rows: RowsOf) -> None:
    step = Step(encodings, rows, sharing, members, absent=[1])
    expected = step.explicit(step.meeting.parameters)
    plain = replace(step.meeting, traces=(), copies=())
    for meeting in (step.meeting, plain, replace(plain, readings=None)):
        found = gramian(step.losses, step.present, meeting, "parameters")
        torch.testing.assert_close(found, expected @ expected.T, rtol=1e-9, atol=1e-14)
    assert not found[1].any()


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("sharing", MEETING)
def test_the_gramian_at_the_representation_is_exact(sharing: str, members: int, encodings: Encodings, rows: RowsOf) -> None:
    step = Step(encodings, rows, sharing, members, absent=[1])
    assert step.meeting.representation is not None
    expected = step.explicit([step.meeting.representation])
    for meeting in (step.meeting, replace(step.meeting, readings=None)):
        found = gramian(step.losses, step.present, meeting, "representation")
        torch.testing.assert_close(found, expected @ expected.T, rtol=1e-9, atol=1e-14)


def test_tasks_with_rows_of_their_own_are_told_apart_by_one_pass(mixed: Encodings, rows: RowsOf) -> None:
    meeting = Step(mixed, rows, "hybrid").meeting
    assert [len(copy) for copy in meeting.copies] == [len(mixed.tasks)] * len(meeting.parameters)


def test_heads_of_a_shared_bottom_are_read_without_a_pass_a_task(mixed: Encodings, rows: RowsOf) -> None:
    assert Step(mixed, rows, "shared_bottom").meeting.readings is not None
    assert len(Step(mixed, rows, "shared_bottom").meeting.traces) == 2


@pytest.mark.parametrize("sharing", SHARED)
def test_the_spec_knows_which_sharings_have_a_meeting(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    assert (Step(mixed, rows, sharing).meeting.representation is not None) == (sharing in MEETING)


@pytest.mark.parametrize("at", ["representation", "parameters"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("sharing", SHARED)
def test_the_update(sharing: str, members: int, at: str, encodings: Encodings, rows: RowsOf) -> None:
    """Shared parameters get Σ wᵢgᵢ, what a task owns its own gradient; with every weight 1 it is `equal`."""
    if at == "representation" and sharing not in MEETING:
        pytest.skip("no shared activations")
    step = Step(encodings, rows, sharing, members)
    tasks = len(step.losses)
    names = {id(p): name for name, p in step.network.named_parameters()}
    for weights in (torch.ones(tasks), torch.linspace(-0.5, 2, tasks)):
        step.forward()
        joint = torch.split(weights.double() @ step.explicit(step.meeting.parameters), [p.numel() for p in step.meeting.parameters])
        step.losses.sum().backward(retain_graph=True)
        expected = step.gradients() | {names[id(p)]: g.view_as(p) for p, g in zip(step.meeting.parameters, joint, strict=True)}
        for every in (1, 2):
            balancing = Aggregation([Balanced(1, False)] * tasks, Given(weights.tolist()), at, every).double()
            for _ in range(2):  # the second step of every: 2 goes without a Gramian
                step.forward()
                balancing.backward(step.losses, step.present, step.meeting)
                torch.testing.assert_close(step.gradients(), expected, rtol=1e-9, atol=1e-14)


def test_absent_tasks_never_reach_the_weighting(mixed: Encodings, rows: RowsOf) -> None:
    whole, step = Step(mixed, rows, "shared_bottom"), Step(mixed, rows, "shared_bottom", absent=[2, 5])
    for at in ("representation", "parameters"):
        weighting = Given([1.0] * 10)
        Aggregation([Balanced(1, False)] * 10, weighting, at).backward(step.losses, step.present, step.meeting)
        found, present = weighting.asked[0]
        there = [0, 1, 3, 4, 6, 7, 8, 9]
        assert present.tolist() == there
        expected = gramian(whole.losses, whole.present, whole.meeting, at)[there][:, there]
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("at", ["representation", "parameters"])
def test_a_task_that_is_absent_at_a_weighing_counts_as_the_mean_until_the_next(at: str, mixed: Encodings, rows: RowsOf) -> None:
    balancing = Aggregation([Balanced(1, False)] * 10, Given([1.0, 2, 30, 4, 5, 6, 7, 6, 5, 4]), at)
    step = Step(mixed, rows, "shared_bottom", absent=[2, 6])
    balancing.backward(step.losses, step.present, step.meeting)
    assert balancing.weights().tolist() == pytest.approx([1, 2, 33 / 8, 4, 5, 6, 33 / 8, 6, 5, 4])


def test_every_counts_from_the_start_of_each_epoch(mixed: Encodings, rows: RowsOf) -> None:
    weighting = Given([1.0] * 10)
    balancing, step = Aggregation([Balanced(1, False)] * 10, weighting, "representation", every=3), Step(mixed, rows, "mmoe")
    asked = []
    for epoch in (1, 2):
        balancing.start_epoch(epoch)
        for _ in range(5):
            before = len(weighting.asked)
            step.forward()
            balancing.backward(step.losses, step.present, step.meeting)
            asked.append(len(weighting.asked) - before)
    assert asked == [1, 0, 0, 1, 0] * 2


@pytest.mark.parametrize("at", ["representation", "parameters"])
def test_the_order_of_tasks_does_not_matter(at: str, mixed: Encodings, rows: RowsOf) -> None:
    step = Step(mixed, rows, "shared_bottom")
    order = [4, 2, 6, 0, 9, 5, 8, 3, 1, 7]
    other = Step(mixed, rows, "shared_bottom")
    step.network.float().double()  # `only` makes a network of float32
    step.forward()
    found = gramian(step.losses, step.present, step.meeting, at)
    other.network = step.network.only(order).double()
    other.batch = replace(step.batch, targets=step.batch.targets[order], mask=step.batch.mask[order])
    other.forward()
    moved = gramian(other.losses, other.present, other.meeting, at)
    torch.testing.assert_close(moved, found[order][:, order], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("sharing", ["shared_bottom", "mmoe", "hybrid"])
def test_under_autocast_the_gramian_is_near_and_the_gradients_are_float32(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    step = Step(mixed, rows, sharing)
    for at in ["parameters", *(["representation"] if sharing in MEETING else [])]:
        step.forward()
        expected = gramian(step.losses, step.present, step.meeting, at)
        network = step.network.float()
        inputs = {n: {k: t.float() if t.is_floating_point() else t for k, t in of.items()} for n, of in step.batch.inputs.items()}
        meetings = Meetings(network)
        with meetings.traced(True), torch.autocast("cpu", torch.bfloat16):
            outputs = meetings.forward(inputs)
        losses = network.losses(outputs, step.batch.targets.float(), step.batch.mask.float()) / step.batch.mask.float().sum(1)
        meeting = meetings(outputs)
        found = gramian(losses, step.present, meeting, at)
        assert found.dtype == torch.float64
        scale = expected.diagonal().sqrt()
        assert ((found - expected) / torch.outer(scale, scale)).abs().max() < 0.1
        network.zero_grad()
        Aggregation([Balanced(1, False)] * 10, Given([1.0] * 10), at).backward(losses, step.present, meeting)
        assert {p.grad.dtype for p in network.parameters() if p.grad is not None} == {torch.float32}
        step.network = network.double()


def test_disjoint_rows_look_orthogonal_at_the_representation_and_are_opposed_at_the_parameters() -> None:
    """Two tasks with labels on rows that are alike but not the same, and targets of opposite sign."""
    torch.manual_seed(0)
    trunk, heads = torch.nn.Linear(5, 4).double(), torch.nn.Linear(4, 2).double()
    heads.weight.data[1] = heads.weight.data[0]
    x = torch.randn(40, 5, dtype=torch.float64)
    x[20:] = x[:20] + 1e-2 * torch.randn(20, 5, dtype=torch.float64)
    mask = torch.zeros(2, 40, dtype=torch.float64)
    mask[0, :20] = mask[1, 20:] = 1
    h = trunk(x)
    target = torch.tensor([[5.0], [-5.0]], dtype=torch.float64)
    losses = ((heads(h).T - target).square() * mask).sum(1) / 20
    meeting, present = Meeting(list(trunk.parameters()), h, list(heads.parameters())), torch.ones(2, dtype=torch.bool)
    at = {place: gramian(losses, present, meeting, place) for place in ("representation", "parameters")}
    cosine = {place: float(g[0, 1] / (g[0, 0] * g[1, 1]).sqrt()) for place, g in at.items()}
    assert cosine["representation"] == 0
    assert cosine["parameters"] < -0.95
    together = torch.ones(2, 2, dtype=torch.bool)
    assert overlap(mask, together) == 0
    assert overlap(torch.ones(2, 40), together) == pytest.approx(1)
    assert overlap(torch.ones(2, 40), torch.eye(2, dtype=torch.bool)) == 0


def test_overlap_is_the_largest_cosine_that_can_show() -> None:
    mask = torch.zeros(3, 100)
    mask[0] = 1
    mask[1, :25] = 1
    mask[2, :64] = 1
    assert overlap(mask, torch.ones(3, 3, dtype=torch.bool)) == pytest.approx(0.5)


def test_gradient_methods_take_their_options() -> None:
    balancing = BALANCINGS["cagrad"]([Balanced(1, False)] * 3, at="representation", every=4, c=0.1)
    assert isinstance(balancing, Aggregation)
    assert (balancing.at, balancing.every) == ("representation", 4)


LAST = {
    **dict.fromkeys(("mmoe", "cgc", "ple", "dselect_k"), r"body\.experts\.\d\.\d\.linear\.weight"),
    "cross_stitch": r"body\.own\.1\.linear\.weight",
}
"""Where it is not the weight of the shared trunk's second layer."""


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("sharing", SHARED)
def test_gradnorm_looks_at_the_weight_of_the_last_shared_layer(sharing: str, members: int, mixed: Encodings, rows: RowsOf) -> None:
    """Not at its bias, at what members scale, nor at gates or a lower level's parts; one task's norm at a time, own rows or not."""
    step = Step(mixed, rows, sharing, members)
    names = {id(parameter): name for name, parameter in step.network.named_parameters()}
    last = [names[id(parameter)] for parameter in step.meeting.last]
    assert len(last) == 1
    assert re.fullmatch(LAST.get(sharing, r"body\.shared\.1\.linear\.weight"), last[0])
    if sharing == "ple":
        assert last[0].startswith("body.experts.1.")
    norms = step.explicit(list(step.meeting.last)).norm(dim=1)
    found = gramian(step.losses, step.present, step.meeting.only(step.meeting.last), "parameters").diagonal().sqrt()
    torch.testing.assert_close(found, norms)
