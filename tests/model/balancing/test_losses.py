"""Balancing on losses: each method against its paper's formula, written anew in float64, over steps with absent tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from mtl.balancing import BALANCINGS, Balanced, Balancing, Meeting
from mtl.spec.options import BALANCING_OPTIONS, ON_GRADIENTS

Array = NDArray[np.float64]
T = 4
TASKS = [Balanced(1.0, task % 2 == 0) for task in range(T)]
ON_LOSSES = [name for name in BALANCINGS if name not in ON_GRADIENTS]


def made(name: str, **options: float) -> Balancing:
    return BALANCINGS[name](TASKS, **{**BALANCING_OPTIONS.get(name, {}), **options}).double()


def steps(count: int, seed: int = 0) -> Iterator[tuple[Array, NDArray[np.bool_]]]:
    """Losses of different scales, some tasks absent."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        present = random.random(T) < 0.7
        present[random.integers(T)] = True
        yield random.uniform(0.1, 2, T) * 10.0 ** np.arange(T) * present, present


def slopes(balancing: Balancing, losses: Array, present: NDArray[np.bool_]) -> Array:
    """What each loss is weighted with: the gradient of the update with respect to the losses."""
    x = torch.tensor(losses, requires_grad=True)
    there = torch.tensor(present)
    balancing.backward(x * there, there, Meeting([], None))
    assert x.grad is not None
    return x.grad.numpy()


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max())
    return e / e.sum()


def only(values: Mapping[int, float] | Array, present: NDArray[np.bool_]) -> Array:
    """Values of the tasks present, in their order → of all tasks, 0 where absent."""
    found = np.zeros(T)
    found[present] = values
    return found


def test_dwa() -> None:
    balancing, history = made("dwa", temperature=1.7), []
    for epoch in range(1, 6):
        balancing.start_epoch(epoch)
        ratio = history[-1] / history[-2] if epoch > 2 else np.ones(T)
        total, count = np.zeros(T), np.zeros(T)
        for losses, present in steps(5, epoch):
            expected = T * softmax(ratio / 1.7) * present
            np.testing.assert_allclose(slopes(balancing, losses, present), expected, rtol=1e-12)
            total, count = total + losses, count + present
        assert count.all()
        history.append(total / count)


def test_random_is_a_softmax_of_normal_numbers() -> None:
    balancing = made("random")
    for seed, (losses, present) in enumerate(steps(20)):
        torch.manual_seed(seed)
        found = slopes(balancing, losses, present)
        torch.manual_seed(seed)
        drawn = torch.randn(T).double().numpy()
        np.testing.assert_allclose(found, only(softmax(drawn[present]), present), rtol=1e-6)


def test_geometric_mean() -> None:
    balancing = made("geometric_mean")
    for losses, present in steps(20):
        mean = np.prod(losses[present]) ** (1 / present.sum())
        np.testing.assert_allclose(slopes(balancing, losses, present), only(mean / losses[present] / present.sum(), present))


def test_imtl_l() -> None:
    balancing = made("imtl_l")
    (log_scale,) = balancing.parameters()
    log_scale.data += torch.linspace(-1, 1, T)
    for losses, present in steps(20):
        scale = np.exp(log_scale.detach().numpy())
        log_scale.grad = None
        np.testing.assert_allclose(slopes(balancing, losses, present), scale * present, rtol=1e-12)
        assert log_scale.grad is not None
        np.testing.assert_allclose(log_scale.grad.numpy(), (scale * losses - 1) * present, rtol=1e-12)


def test_imtl_l_comes_to_scaled_losses_of_one() -> None:
    balancing, losses = made("imtl_l"), torch.tensor([0.2, 1, 3, 7], dtype=torch.float64)
    optimizer = torch.optim.SGD(balancing.parameters(), lr=0.2)
    for _ in range(300):
        optimizer.zero_grad()
        balancing.backward(losses, torch.ones(T, dtype=torch.bool), Meeting([], None))
        optimizer.step()
    weights = balancing.weights()
    assert weights is not None
    torch.testing.assert_close(weights * losses, torch.ones_like(losses), rtol=1e-4, atol=1e-4)


class ReferenceAdam:
    """torch's own Adam, one a task, so that a task that is absent stands still."""

    def __init__(self, value: Array, lr: float, decay: float = 0.0) -> None:
        self.each = [torch.nn.Parameter(torch.tensor(v)) for v in value]
        self.optimizers = [torch.optim.Adam([p], lr=lr, weight_decay=decay) for p in self.each]

    @property
    def value(self) -> Array:
        return np.array([p.item() for p in self.each])

    def step(self, grad: Array, present: NDArray[np.bool_]) -> None:
        for task in np.flatnonzero(present):
            self.each[task].grad = torch.tensor(grad[task])
            self.optimizers[task].step()


def test_famo_is_the_authors_code() -> None:
    """Weighted loss and update as in their `famo.py`, over the tasks present."""
    balancing = made("famo", lr=0.1, decay=0.01)
    assert balancing.looks_back
    adam = ReferenceAdam(np.zeros(T), 0.1, 0.01)
    for losses, present in steps(30):
        after = losses * np.random.default_rng(3).uniform(0.5, 1.2, T)
        z, before = softmax(adam.value[present]), losses[present] + 1e-8
        expected = only(z / before / (z / before).sum(), present)
        np.testing.assert_allclose(slopes(balancing, losses, present), expected, rtol=1e-9)
        assert expected.sum() == pytest.approx(1)
        fell = np.log(before) - np.log(after[present] + 1e-8)
        adam.step(only((np.diag(z) - np.outer(z, z)) @ fell, present), present)
        with torch.no_grad():
            balancing.after_step(torch.tensor(after), torch.tensor(present))
        weights = balancing.weights()
        assert weights is not None
        np.testing.assert_allclose(weights.numpy(), softmax(adam.value), rtol=1e-7)


def test_stch_is_the_authors_code() -> None:
    """Logarithms in warm-up; the nadir is the mean of one epoch; then the smooth maximum, times the tasks."""
    balancing = made("stch", mu=0.7, warmup=2)
    total, count = np.zeros(T), np.zeros(T)
    for epoch in range(1, 6):
        balancing.start_epoch(epoch)
        for losses, present in steps(6, epoch):
            found, own = slopes(balancing, losses, present), losses[present]
            if epoch <= 3:
                np.testing.assert_allclose(found, only(1 / own, present), rtol=1e-9)
                total, count = (total + losses, count + present) if epoch == 3 else (total, count)
            else:
                share = softmax(np.log(own / (total / count)[present]) / 0.7)
                np.testing.assert_allclose(found, only(present.sum() * share / own, present), rtol=1e-9)
    assert count.all()


def test_normalized_divides_by_a_running_mean() -> None:
    balancing = made("normalized", decay=0.8)
    seen: list[list[float]] = [[] for _ in range(T)]
    for losses, present in steps(30):
        for task in np.flatnonzero(present):
            seen[task].append(losses[task])
        running = np.array([np.average(s, weights=0.8 ** np.arange(len(s))[::-1]) if s else 1 for s in seen])
        np.testing.assert_allclose(slopes(balancing, losses, present), present / running, rtol=1e-9)


@pytest.mark.parametrize("at", ["parameters", "representation"])
def test_gradnorm_is_algorithm_1(at: str) -> None:
    """Weights follow |G_i − Ḡ r_i^α|, the target constant, and keep their sum; the step is on Σ w_i L_i."""
    torch.manual_seed(0)
    trunk, last, head = (torch.nn.Linear(*s, bias=False).double() for s in ((3, 5), (5, 4), (4, T)))
    x, targets = torch.randn(16, 3, dtype=torch.float64), torch.randn(16, T, dtype=torch.float64) * 10.0 ** torch.arange(T)
    balancing = made("gradnorm", alpha=1.2, lr=0.05)
    balancing.meet(at)
    adam, first = ReferenceAdam(np.ones(T), 0.05), np.zeros(T)
    for _, present in steps(25):
        there = torch.tensor(present)
        h = last(torch.tanh(trunk(x)))
        losses = (head(h) - targets).square().mean(0) * there
        w, own = adam.value, losses.detach().numpy()[present]
        wrt = last.weight if at == "parameters" else h
        norms = np.array([float(torch.autograd.grad(loss, wrt, retain_graph=True)[0].norm()) for loss in losses])[present]
        first = np.where(present & (first == 0), losses.detach().numpy(), first)
        rate = own / first[present]
        target = (w[present] * norms).mean() * (rate / rate.mean()) ** 1.2
        expected = torch.autograd.grad((losses * torch.tensor(w)).sum(), [trunk.weight, head.weight], retain_graph=True)
        for layer in (trunk, last, head):
            layer.zero_grad()
        balancing.backward(losses, there, Meeting([trunk.weight, last.weight], h, [head.weight], last=[last.weight]))
        torch.testing.assert_close([trunk.weight.grad, head.weight.grad], list(expected), rtol=1e-9, atol=1e-12)
        adam.step(only(norms * np.sign(w[present] * norms - target), present), present)
        with torch.no_grad():
            for task in np.flatnonzero(present):
                adam.each[task].clamp_(min=1e-12)
            ratio = w[present].sum() / adam.value[present].sum()
            for task in np.flatnonzero(present):
                adam.each[task] *= ratio
        found = balancing.weights()
        assert found is not None
        np.testing.assert_allclose(found.numpy(), adam.value, rtol=1e-6)
        assert float(found.sum()) == pytest.approx(T)


def test_gradnorm_raises_the_task_that_lags() -> None:
    """Two tasks with the same losses, gradients ten times as long for one: weights go against it."""
    balancing = BALANCINGS["gradnorm"](TASKS[:2], at="representation", alpha=0.0).double()
    for _ in range(200):
        h = torch.ones(3, dtype=torch.float64, requires_grad=True)
        losses = torch.stack([(h * 10).sum(), h.sum()])
        losses = losses / losses.detach()
        scale = torch.tensor([10.0, 1.0], dtype=torch.float64)
        balancing.backward(losses * scale, torch.ones(2, dtype=torch.bool), Meeting([], h))
    assert (balancing.weights() * scale).tolist() == pytest.approx([20 / 11] * 2, rel=0.05)


@pytest.mark.parametrize("name", ON_LOSSES)
def test_absent_tasks_change_nothing(name: str) -> None:
    """Whatever an absent task's loss was before and would be: its weight is 0 and what it carries stays."""
    balancing = made(name)
    for epoch in (1, 2, 3):
        balancing.start_epoch(epoch)
        torch.manual_seed(epoch)
        everyone = np.ones(T, bool)
        slopes(balancing, np.array([3.0, 2, 5, 1]), everyone)
        balancing.after_step(torch.tensor([1.0, 2, 4, 1], dtype=torch.float64), torch.tensor(everyone))
    before = {key: value.clone() for key, value in balancing.state_dict().items()}
    present = np.array([True, False, True, False])
    assert not slopes(balancing, np.array([3.0, 0, 2, 0]), present)[~present].any()
    balancing.after_step(torch.tensor([1.0, 0, 2, 0], dtype=torch.float64), torch.tensor(present))
    for key, value in balancing.state_dict().items():
        if value.shape == (T,):
            assert torch.equal(value[~present], before[key][~present]), key


@pytest.mark.parametrize("name", [n for n in ON_LOSSES if n not in ("random", "dwa")])
def test_a_task_that_was_absent_for_long_comes_back_as_it_left(name: str) -> None:
    """As in batches of one unit of tasks at a time: two runs, one with 60 steps of the other tasks in between."""
    everyone, others = np.ones(T, bool), np.array([True, False, True, False])
    runs = [made(name), made(name)]
    for balancing, away in zip(runs, (0, 60), strict=True):
        for epoch in range(1, 8):
            balancing.start_epoch(epoch)
            slopes(balancing, np.array([3.0, 2, 5, 1]) / epoch, everyone)
            balancing.after_step(torch.tensor([2.0, 2, 4, 1], dtype=torch.float64) / epoch, torch.tensor(everyone))
        for _ in range(away):
            slopes(balancing, np.array([0.1, 0, 7, 0]), others)
            balancing.after_step(torch.tensor([0.05, 0, 6, 0], dtype=torch.float64), torch.tensor(others))
    stayed, returned = (slopes(balancing, np.array([1.0, 2, 1, 1]), ~others)[~others] for balancing in runs)
    np.testing.assert_allclose(returned, stayed, rtol=1e-9)


def test_dwa_begins_anew_with_a_task_that_had_no_label_in_an_epoch() -> None:
    balancing, everyone, others = made("dwa"), np.ones(T, bool), np.array([True, False, True, False])
    for epoch, present in enumerate([everyone, everyone, others, everyone, everyone, everyone], 1):
        balancing.start_epoch(epoch)
        for _ in range(3):
            slopes(balancing, np.array([3.0, 2, 5, 1]) / epoch * present, present)
        weights = balancing.weights()
        assert weights is not None
        fell = np.array([epoch > 2, epoch in (3, 6), epoch > 2, epoch in (3, 6)])  # known of the two epochs before
        expected = T * softmax(np.where(fell, (epoch - 2) / max(1, epoch - 1), 1) / 2)
        np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in ON_LOSSES if n != "random"])
def test_the_order_of_tasks_does_not_matter(name: str) -> None:
    order = [2, 0, 3, 1]
    one, other = made(name), BALANCINGS[name]([TASKS[t] for t in order], **BALANCING_OPTIONS.get(name, {})).double()
    for step, (losses, present) in enumerate(steps(12)):
        for balancing in (one, other):
            balancing.start_epoch(step)
        found, moved = slopes(one, losses, present), slopes(other, losses[order], present[order])
        np.testing.assert_allclose(moved, found[order], rtol=1e-9)
        one.after_step(torch.tensor(losses * 0.9), torch.tensor(present))
        other.after_step(torch.tensor(losses[order] * 0.9), torch.tensor(present[order]))


@pytest.mark.parametrize("name", ["geometric_mean", "normalized", "famo", "stch"])
def test_the_unit_of_a_loss_does_not_matter(name: str) -> None:
    """Losses a thousand times as large: each weight falls in proportion (and the step with it stays, up to one factor)."""
    one, other = made(name), made(name)
    for epoch in range(1, 9):
        for balancing in (one, other):
            balancing.start_epoch(epoch)
        losses, present = np.array([3.0, 2, 5, 1]) / epoch, np.ones(T, bool)
        unit = np.array([1e3, 1, 1, 10])
        a, b = slopes(one, losses, present) * losses, slopes(other, losses * unit, present) * losses * unit
        np.testing.assert_allclose(a / a.sum(), b / b.sum(), rtol=1e-5)
        fallen = losses * np.array([0.9, 0.8, 0.95, 0.99])
        one.after_step(torch.tensor(fallen), torch.tensor(present))
        other.after_step(torch.tensor(fallen * unit), torch.tensor(present))
