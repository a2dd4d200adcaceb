"""Distillation: the teachers' loss by hand, who may learn from which row, its weight over epochs, and kills on the way."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.network import Network, build_network, input_tensors, plan_of
from mtl.spec import NUMBERS, Distillation, Model, Training
from mtl.training import Epoch, Fitted, distillation, fit
from mtl.training.batches import Store
from mtl.training.checkpoints import FILE as CHECKPOINT
from mtl.training.distillation import FILE, lesson_of, may_learn, read_lesson, taught, write_lesson
from mtl.training.lessons import Lesson
from tests.model.conftest import task as task_of

RowsOf = Callable[..., AlignedSet]
MODEL = Model(width=8, depth=2, dropout=0.1)
CPU = torch.device("cpu")


class StopError(Exception):
    """Thrown by the tests at the end of an epoch."""


def training(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 6, "patience": 6, "lr": 5e-3, "device": "cpu", "relatedness": None, **more}
    return Training.model_validate(asked)


def weights(fitted: Fitted) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in fitted.network.parameters()) + str(fitted.history.rows()).encode()


def outputs_of(network: Network, rows: AlignedSet) -> Any:
    tensors = input_tensors(network.plan, rows.inputs)
    return network({name: {key: t.unsqueeze(0) for key, t in of.items()} for name, of in tensors.items()})


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_distance_by_hand(members: int, temperature: float, mixed: Encodings, rows: RowsOf) -> None:
    """Squared error, or −Σ p log q at the temperature times its square; mean over members, sum over the rows of the mask."""
    torch.manual_seed(0)
    network = build_network(mixed, MODEL.model_copy(update={"members": members})).eval().double()
    ordinal, logits = network.head("ordinal"), some_logits(network, members)
    soft, mask = torch.zeros(len(mixed.tasks), 6, 5), (torch.rand(len(mixed.tasks), 6) > 0.4).float()
    for t, task in enumerate(mixed.tasks):
        said = what_a_teacher_says(task)
        soft[t, :, : said.shape[1]] = said
    outputs = replace(outputs_of(network.float(), rows(mixed, 6, 0)), logits=logits)
    found = network.imitation(outputs, soft, mask, temperature)
    for kind, at in network.kinds.items():
        for place, t in enumerate(at):
            each = [
                mask[t, row] * distance(mixed.tasks[t], logits[kind][place, row, member].float(), soft[t, row], temperature)
                for row in range(6)
                for member in range(members)
            ]
            assert float(found[t]) == pytest.approx(float(sum(each)) / members, rel=1e-4)
    assert ordinal is network.head("ordinal")


def some_logits(network: Network, members: int) -> dict[str, torch.Tensor]:
    """By kind, at random, float64 [task, 6, member, size]; −∞ beyond a task's classes."""
    found = {kind: 3 * torch.randn(len(at), 6, members, network.head(kind).weight.shape[-1]).double() for kind, at in
             network.kinds.items()}  # fmt: skip
    found["count"] = found["count"] / 3  # of a dispersion whose tail ends where `distance_of_number` does
    found["ordinal"] = (found["ordinal"] + torch.arange(4.0, 0, -1)).sort(-1, descending=True).values
    return {kind: x.masked_fill(network.head(kind).get_buffer("beyond"), -torch.inf) if hasattr(network.head(kind), "beyond")
            else x for kind, x in found.items()}  # fmt: skip


def what_a_teacher_says(task: TaskEncoding) -> torch.Tensor:
    """Of 6 rows, at random: probabilities of classes, quantiles, or one number."""
    if task.kind in ("multiclass", "ordinal"):
        return torch.softmax(torch.randn(6, len(task.classes)), -1)
    if task.kind == "quantile":
        return torch.randn(6, 3).sort(-1).values
    return torch.rand(6).unsqueeze(1)


def distance(task: TaskEncoding, x: torch.Tensor, p: torch.Tensor, temperature: float) -> torch.Tensor:
    """Of a row's logits to what the teacher says of it."""
    if task.kind in NUMBERS:
        return distance_of_number(task, x, p)
    classes, q = len(task.classes), torch.sigmoid(x / temperature)
    if task.kind == "multiclass":
        return -(p[:classes] * torch.log_softmax(x[:classes] / temperature, -1)).sum() * temperature**2
    said = p[:1] if task.kind == "binary" else torch.stack([p[k + 1 : classes].sum() for k in range(classes - 1)])
    q = q[: len(said)]
    return -(said * q.log() + (1 - said) * (1 - q).log()).sum() * temperature**2


def distance_of_number(task: TaskEncoding, x: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    if task.kind == "quantile":
        said = torch.stack([x[1] - torch.nn.functional.softplus(x[0]), x[1], x[1] + torch.nn.functional.softplus(x[2])])
        return (said - p[:3]).square().mean()
    if task.kind == "regression":
        return (x[0] - p[0]) ** 2
    if task.distribution == "poisson":
        return 2 * (p[0] * (p[0].log() - x[0]) - p[0] + x[0].exp()) / task.dispersion
    y, ours = torch.arange(2000.0).double(), of_mean(x[0].exp().double(), x[1].exp().double())
    theirs = of_mean(p[0].double(), x[1].exp().double())
    return (theirs.log_prob(y).exp() * (theirs.log_prob(y) - ours.log_prob(y))).sum().float()


def of_mean(mean: torch.Tensor, alpha: torch.Tensor) -> torch.distributions.NegativeBinomial:
    return torch.distributions.NegativeBinomial(1 / alpha, logits=(mean * alpha).log(), validate_args=False)


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass", "ordinal", "count"])
def test_hard_teachers_ask_what_labels_ask(kind: str, make: Callable[..., Encodings], rows: RowsOf) -> None:
    """A teacher that is as sure as a label: distance and loss are the same."""
    encodings = make([("a", kind), ("b", kind)])
    network, some = build_network(encodings, MODEL).eval(), rows(encodings, 20, 0, 1.0)
    outputs, targets = outputs_of(network, some), torch.from_numpy(some.targets.T.copy())
    classes = max(len(encodings.tasks[0].classes), 1) if kind in ("multiclass", "ordinal") else 1
    soft = targets.unsqueeze(-1) if classes == 1 else torch.nn.functional.one_hot(targets.long(), classes).float()
    torch.testing.assert_close(
        network.imitation(outputs, soft, torch.ones(2, 20)), network.losses(outputs, targets, torch.ones(2, 20))
    )


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_who_says_what_the_teacher_says_is_at_the_least_distance(temperature: float, mixed: Encodings, rows: RowsOf) -> None:
    """A network as its own teacher: no gradient."""
    network, some = build_network(mixed, MODEL).eval(), rows(mixed, 30, 0)
    lesson = lesson_of(network, Store.of(network.plan, some, CPU), temperature)
    assert lesson.soft.shape == (len(mixed.tasks), 30, 5)
    network.train().zero_grad()
    network.eval()
    network.imitation(outputs_of(network, some), lesson.soft, lesson.mask, temperature).sum().backward()
    assert max(float(p.grad.abs().max()) for p in network.parameters() if p.grad is not None) < 1e-4


def test_a_task_learns_from_rows_whose_inputs_it_may_see(two_inputs: Encodings, rows: RowsOf) -> None:
    """Rows without x say nothing to `a`, rows without y nothing to `b`; `c` sees both and needs one."""
    some = rows(two_inputs, 6, 0)
    some.inputs["x"]["present"][:2] = False
    some.inputs["y"]["present"][1:4] = False
    found = may_learn(plan_of(two_inputs), Store.of(plan_of(two_inputs), some, CPU))
    x, y = [0, 0, 1, 1, 1, 1], [1, 0, 0, 0, 1, 1]
    assert found.tolist() == [x, y, [1, 0, 1, 1, 1, 1], x]


def test_weights_fall_on_a_straight_line() -> None:
    asked = Distillation(weight=2.0, anneal=4)
    assert [asked.weight_at(epoch, 100) for epoch in range(1, 7)] == [2.0, 1.5, 1.0, 0.5, 0, 0]
    assert Distillation().weight_at(51, 100) == pytest.approx(0.5)
    assert Distillation().weight_at(100, 100) == pytest.approx(0.01)


def test_losses_and_presence(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """L = own + w · mean distance; a task without a label is there where its teacher speaks, until w is 0."""
    encodings = make([("a", "regression"), ("b", "regression"), ("c", "regression")])
    network, some = build_network(encodings, MODEL).eval(), rows(encodings, 4, 0, 1.0)
    outputs = outputs_of(network, some)
    lesson = Lesson(torch.ones(3, 4, 1), torch.tensor([[1.0, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]]))
    asked, own, present = training(distillation={"weight": 0.5, "anneal": 2}), torch.tensor([3.0, 0, 0]), torch.tensor([True, 0, 0])
    losses, there = taught(network, outputs, lesson, own, present, asked, 2)
    squares = (outputs.logits["regression"][:, :, 0, 0] - 1).square()
    expected = torch.stack([3 + 0.25 * squares[0].mean(), 0.25 * squares[1, [0, 2]].mean(), torch.zeros(())])
    torch.testing.assert_close(losses, expected)
    assert there.tolist() == [True, True, False]
    losses, there = taught(network, outputs, lesson, own, present, asked, 3)
    assert losses is own
    assert there is present


@pytest.mark.parametrize("sharing", ["shared_bottom", "hybrid"])
def test_a_head_learns_from_rows_only_others_have_labels_of(sharing: str, make: Callable[..., Encodings], rows: RowsOf) -> None:
    """20 labels of `a`, none of them on the 300 rows of `b`: batches hold all rows of both, and a's teacher speaks there."""
    encodings = make([("a", "regression"), ("b", "regression")])
    some = rows(encodings, 320, 0, 1.0)
    some.labelled[:] = np.arange(320)[:, None] < 20
    some.labelled[:, 1] = np.arange(320) >= 20
    store = Store.of(plan_of(encodings), some, CPU)
    lesson = Lesson(torch.zeros(2, 320, 1), torch.ones(2, 320))
    taught_store = replace(store, lesson=lesson)
    assert store.dealt.sum(1).tolist() == [20, 300]
    assert taught_store.dealt.sum(1).tolist() == [320, 320]
    batch = taught_store.batch(torch.tensor([[3, 25, -1], [-1, 100, 4]]))
    assert batch.lesson is not None
    assert batch.lesson.mask.tolist() == [[1, 1, 0], [0, 1, 1]]
    found = fit(encodings, some, rows(encodings, 100, 1), MODEL.model_copy(update={"sharing": sharing}), training(
        distillation={}, max_epochs=3))  # fmt: skip
    assert found.history["valid_loss"].is_finite().all()


def test_the_student_comes_to_say_what_its_teachers_say(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """With a heavy weight it is nearer to the teachers, on rows it has no label of, than one without."""
    encodings = make([("a", "regression"), ("b", "binary")])
    train, valid = rows(encodings, 300, 0, 0.3, noise=1.0), rows(encodings, 100, 1)
    alone = fit(encodings, train, valid, MODEL, training(), sharing="separate", inputs_key="k")
    store = Store.of(plan_of(encodings), train, CPU)
    lesson = lesson_of(alone.network, store, 1.0)

    def distance(**more: object) -> float:
        network = fit(encodings, train, valid, MODEL, training(max_epochs=12, **more)).network
        soft = lesson_of(network, store, 1.0).soft
        return float((soft - lesson.soft)[:, :, 0].abs().mean())

    assert distance(distillation={"weight": 10.0}) < 0.7 * distance()


def test_hidden_inputs_stay_hidden(two_inputs: Encodings, rows: RowsOf) -> None:
    """Teachers see what their tasks see: what stands in y moves no bit of the lesson for `a` and `d`."""
    train, valid = rows(two_inputs, 120, 0), rows(two_inputs, 60, 1)
    found = []
    for value in (0.0, 7.0):
        train.inputs["y"]["numeric"][:] = value
        alone = fit(two_inputs, train, valid, MODEL, training(max_epochs=2, optimizer="full_batch"), sharing="separate")
        found.append(lesson_of(alone.network, Store.of(plan_of(two_inputs), train, CPU), 1.0).soft)
    assert torch.equal(found[0][[0, 3]], found[1][[0, 3]])
    assert not torch.equal(found[0][1], found[1][1])


@pytest.mark.parametrize("balancing", ["equal", "uncertainty"])
def test_separate_networks_are_taught_by_nobody(balancing: str, mixed: Encodings, rows: RowsOf) -> None:
    train, valid = rows(mixed, 200, 0), rows(mixed, 80, 1)
    asked = training(distillation={"weight": 3.0}, balancing=balancing)
    taught_ones = fit(mixed, train, valid, MODEL, asked, sharing="separate")
    assert weights(taught_ones) == weights(fit(mixed, train, valid, MODEL, asked.alone(), sharing="separate"))
    shared = fit(mixed, train, valid, MODEL, asked)
    assert weights(shared) != weights(fit(mixed, train, valid, MODEL, asked.alone()))
    assert weights(shared) == weights(fit(mixed, train, valid, MODEL, asked))


@pytest.fixture
def _every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))


@pytest.mark.usefixtures("_every_epoch")
@pytest.mark.parametrize("sharing", ["shared_bottom", "hybrid", "message_passing"])
def test_stopped_anywhere_it_ends_with_the_same_bytes(
    sharing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among the teachers' epochs, before their lesson is written, and among the student's; teachers are trained once."""
    train, valid, asked = rows(mixed, 200, 0), rows(mixed, 80, 1), training(distillation={"anneal": 4, "temperature": 2.0})
    model = MODEL.model_copy(update={"sharing": sharing})

    def run(stop_after: int | None = None) -> Fitted:
        def progress(epoch: Epoch) -> None:
            if epoch.epoch == stop_after:
                raise StopError

        return fit(mixed, train, valid, model, asked, checkpoints=tmp_path, progress=progress)

    undisturbed = fit(mixed, train, valid, model, asked)

    def dies(*_: object) -> None:
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["mtl.training.fit"], "_scores", dies)  # the package's `fit` is the function
        with pytest.raises(StopError):
            run()
    with monkeypatch.context() as patch:
        patch.setattr(distillation, "write_lesson", dies)
        with pytest.raises(StopError):
            run()
    for stop_after in (1, 4):
        with pytest.raises(StopError):
            run(stop_after)
        assert sorted(path.name for path in tmp_path.glob("*/*")) == [CHECKPOINT, FILE]
    monkeypatch.setattr(distillation, "lesson_of", dies)
    assert weights(run()) == weights(undisturbed)
    assert not any(tmp_path.iterdir())


def test_a_broken_lesson_is_named_and_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lesson = Lesson(torch.rand(2, 5, 3), torch.ones(2, 5))
    assert read_lesson(tmp_path, CPU) is None
    write_lesson(tmp_path, lesson, 1.5)
    kept = read_lesson(tmp_path, CPU)
    assert kept is not None
    assert torch.equal(kept[0].soft, lesson.soft)
    assert kept[1] == 1.5
    content = bytearray((tmp_path / FILE).read_bytes())
    content[-30] ^= 1
    (tmp_path / FILE).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert read_lesson(tmp_path, CPU) is None
    assert "teachers are trained anew" in caplog.text


def test_rows_of_other_entities_teach_nobody_who_cannot_see_them(two_inputs: Encodings, rows: RowsOf) -> None:
    """Half of the rows have no x: whatever `a`'s teacher says there changes nothing."""
    train, valid = rows(two_inputs, 160, 0), rows(two_inputs, 80, 1)
    train.inputs["x"]["present"][::2] = False
    train.labelled[::2, [0, 3]] = False
    store = Store.of(plan_of(two_inputs), train, CPU)
    found = fit(two_inputs, train, valid, MODEL, training(distillation={}), sharing="shared_bottom")
    assert found.history["train_loss"].is_finite().all()
    assert not may_learn(plan_of(two_inputs), store)[0, ::2].any()


def test_infinite_logits_of_classes_a_task_lacks_leave_gradients_finite(make: Callable[..., Encodings], rows: RowsOf) -> None:
    plain = make([("a", "multiclass")])
    tasks = (task_of("a", "multiclass", classes=3), task_of("b", "multiclass", classes=5), task_of("c", "ordinal", classes=3),
             task_of("d", "ordinal", classes=5))  # fmt: skip
    encodings = Encodings(plain.inputs, tasks)
    network, some = build_network(encodings, MODEL), rows(encodings, 16, 0)
    lesson = lesson_of(network, Store.of(network.plan, some, CPU), 1.0)
    torch.testing.assert_close(lesson.soft.sum(-1), torch.ones(4, 16))
    assert not lesson.soft[[0, 2], :, 3:].any()
    loss = network.train().imitation(outputs_of(network, some), lesson.soft, lesson.mask).sum()
    loss.backward()
    assert math.isfinite(loss.item())
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


def test_teachers_that_are_there_already_teach_the_same(mixed: Encodings, rows: RowsOf) -> None:
    """Bit for bit: the pipeline's single-task networks are those that `fit` would train for its lesson."""
    train, valid, asked = rows(mixed, 200, seed=0), rows(mixed, 80, seed=1), training(distillation=Distillation(weight=2.0))
    single = fit(mixed, train, valid, MODEL, asked.alone(), sharing="separate")
    assert asked.distillation is not None
    lesson = distillation.lesson_on(single.network, train, asked.distillation)
    assert weights(fit(mixed, train, valid, MODEL, asked, lesson=lesson)) == weights(fit(mixed, train, valid, MODEL, asked))
    plain = fit(mixed, train, valid, MODEL, asked.alone(), lesson=lesson)
    assert weights(plain) == weights(fit(mixed, train, valid, MODEL, asked.alone())), "no distillation, no lesson"


def test_a_lesson_does_not_hang_on_the_machines_threads(mixed: Encodings, rows: RowsOf) -> None:
    """On two threads some sums are parted otherwise: their last bits, and all that is learned from them, would differ."""
    before, asked, lessons = torch.get_num_threads(), Distillation(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            of_each = []
            for width, count in ((37, 1000), (53, 1000), (29, 700), (45, 1500)):
                torch.manual_seed(width)
                network = build_network(mixed, Model(sharing="separate", width=width, depth=2, members=4))
                of_each.append(distillation.lesson_on(network, rows(mixed, count, 0), asked).soft)
            assert torch.get_num_threads() == threads
            lessons.append(of_each)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(one, two) for one, two in zip(*lessons, strict=True))
