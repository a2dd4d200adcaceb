"""Groups of tasks: each has a trunk of its own, and one of them is the network it would be alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, Plan, build_network, plan_of
from mtl.network.input_plans import TabularPlan
from mtl.network.plan import TaskPlan
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit
from tests.model.network.conftest import batch_of, labels_of

RowsOf = Callable[..., AlignedSet]
Groups = Sequence[Sequence[str]] | None


def model(groups: Groups, **more: object) -> Model:
    asked = {"width": 16, "depth": 3, "dropout": 0.0, "sharing": "shared_bottom", "groups": groups}
    return Model.model_validate(asked | more)


def told(network: Network, rows: AlignedSet) -> list[torch.Tensor]:
    network.eval()
    return network.decode(network(batch_of(network, rows)))


@pytest.mark.parametrize("groups", [[["a", "b", "c", "d"]], [], [["d", "a", "c"], ["b"], ["nobody"]]])
def test_one_group_is_the_shared_bottom_bit_by_bit(groups: Groups, two_inputs: Encodings, rows: RowsOf) -> None:
    if groups == [["d", "a", "c"], ["b"], ["nobody"]]:
        two_inputs = Encodings(two_inputs.inputs, tuple(t for t in two_inputs.tasks if t.name != "b"))
    made = []
    for one in (None, groups):
        torch.manual_seed(0)
        made.append(build_network(two_inputs, model(one)))
    assert [p.shape for p in made[0].parameters()] == [p.shape for p in made[1].parameters()]
    data = rows(two_inputs, 40, 0)
    assert all(torch.equal(x, y) for x, y in zip(*(told(network, data) for network in made), strict=True))


@pytest.mark.parametrize("members", [1, 3])
def test_each_task_alone_is_the_network_of_separate(members: int, two_inputs: Encodings, rows: RowsOf) -> None:
    torch.manual_seed(0)
    alone = build_network(two_inputs, model(None, sharing="separate", members=members))
    torch.manual_seed(0)
    grouped = build_network(two_inputs, model([["a"], ["b"], ["c"], ["d"]], members=members))
    assert all(torch.equal(x, y) for x, y in zip(alone.parameters(), grouped.parameters(), strict=True))
    data = rows(two_inputs, 40, 0)
    assert all(torch.equal(x, y) for x, y in zip(told(alone, data), told(grouped, data), strict=True))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("groups", [[["a", "b"], ["c", "d"]], [["a", "d"]], [["a", "b", "c"], ["d"]], [["b"], ["c", "a"], ["d"]]])
def test_a_group_is_the_shared_bottom_of_its_tasks(groups: Groups, members: int, two_inputs: Encodings, rows: RowsOf) -> None:
    """Taken out of the whole, a group predicts the same as before: nothing reached it from the others."""
    network = build_network(two_inputs, model(groups, members=members))
    data = rows(two_inputs, 40, 0)
    together = told(network, data)
    for unit in network.units:
        for x, t in zip(told(network.only(unit), data), unit, strict=True):
            torch.testing.assert_close(x, together[t])


@pytest.mark.parametrize("groups", [[["a", "b"], ["c", "d"]], [["a", "b", "c"], ["d"]], [["b"], ["c", "a"], ["d"]]])
def test_no_bit_of_a_hidden_input_gets_through(groups: Groups, two_inputs: Encodings, rows: RowsOf) -> None:
    network = build_network(two_inputs, model(groups))
    data = rows(two_inputs, 40, 0)
    before = told(network, data)
    moved = {name: dict(arrays) for name, arrays in data.inputs.items()}
    moved["y"]["numeric"] = moved["y"]["numeric"] + 3
    after = told(network, AlignedSet(moved, data.targets, data.labelled, data.tasks))
    same = [torch.equal(x, y) for x, y in zip(before, after, strict=True)]
    assert same == ["y" not in t.inputs for t in two_inputs.tasks]


@pytest.mark.parametrize("groups", [[["a", "b"], ["c", "d"]], [["a", "b", "c"], ["d"]]])
def test_gradients_stay_in_their_group(groups: Groups, two_inputs: Encodings, rows: RowsOf) -> None:
    network = build_network(two_inputs, model(groups)).train()
    data = rows(two_inputs, 40, 0)
    targets, mask = labels_of(data)
    losses = network.losses(network(batch_of(network, data)), targets, mask)
    shared = network.shared_parameters()
    assert shared
    for number, unit in enumerate(network.units):
        grads = torch.autograd.grad(losses[unit].sum(), shared, retain_graph=True, allow_unused=True)
        moved = torch.stack([g.flatten(1).abs().sum(1) for g in grads if g is not None]).sum(0)
        assert (moved > 0).tolist() == [other == number for other in range(len(network.units))]


def test_tasks_made_of_one_are_named_by_it() -> None:
    tasks = tuple(
        TaskPlan(n, "regression", 1, frozenset({"x"}), of=of) for n, of in [("e_1", "e"), ("f", "f"), ("e_2", "e"), ("g", "g")]
    )
    plan = Plan((TabularPlan("x"),), tasks, (("regression", 1),))
    assert plan.trunks(None) == [0, 0, 0, 0]
    assert plan.trunks([["e"]]) == [0, 1, 0, 1]
    assert plan.trunks([["e"], ["e_2", "g"]]) == [0, 1, 2, 2]
    assert plan.trunks([["g", "f"], ["e"]]) == [0, 1, 0, 1]


def training(**more: object) -> Training:
    asked = {"batch_size": 64, "max_epochs": 14, "patience": 2, "lr": 0.02, "device": "cpu"}
    return Training.model_validate(asked | more)


@pytest.mark.parametrize("balancing", ["equal", "fixed", "uncertainty"])
def test_each_group_keeps_its_own_best_epoch(balancing: str, mixed: Encodings, rows: RowsOf) -> None:
    """Of each group the epoch is kept at which the mean of its tasks' scores was lowest before its patience ended."""
    groups = [["a", "e"], ["b", "c"], ["d"]]
    fitted = fit(mixed, rows(mixed, 300, 0), rows(mixed, 120, 1), model(groups, dropout=0.2), training(balancing=balancing))
    plan = plan_of(mixed)
    epochs = [{fitted.best_epoch[plan.tasks[t].name] for t in unit} for unit in fitted.network.units]
    assert all(len(one) == 1 for one in epochs)
    assert len(set.union(*epochs)) > 1
    last = fitted.history.group_by("task").agg(pl.col("epoch").max())["epoch"].n_unique()
    assert (last == 1) == (balancing == "uncertainty"), "who has stopped leaves, unless the balancing carries something along"


@pytest.mark.parametrize("balancing", ["geometric_mean", "random", "dwa", "famo", "stch", "gradnorm"])
def test_groups_that_are_balanced_apart_go_on_with_the_same_bytes(
    balancing: str, mixed: Encodings, rows: RowsOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short after every third epoch; with the first two, which carry nothing along, groups also leave one after the other."""
    monkeypatch.setattr("mtl.training.checkpoints.SHARE", float("inf"))
    asked = training(balancing=balancing, options={"warmup": 1} if balancing == "stch" else {}, max_epochs=10)

    def run(folder: Path | None, stop_after: int | None = None) -> Fitted:
        def progress(epoch: Epoch) -> None:
            if epoch.epoch == stop_after:
                raise InterruptedError

        whole, train, valid = model([["a", "e"], ["b", "c"], ["d"]], dropout=0.2), rows(mixed, 200, 0), rows(mixed, 90, 1)
        return fit(mixed, train, valid, whole, asked, checkpoints=folder, progress=progress)

    undisturbed = run(None)
    for stop_after in range(1, max(undisturbed.history["epoch"].to_list()), 3):
        with pytest.raises(InterruptedError):
            run(tmp_path, stop_after)
    found = run(tmp_path)
    assert found.history.equals(undisturbed.history)
    assert all(torch.equal(a, b) for a, b in zip(found.network.parameters(), undisturbed.network.parameters(), strict=True))


def test_what_is_kept_predicts_as_it_did_at_that_epoch(mixed: Encodings, rows: RowsOf) -> None:
    """The valid losses of the kept weights are those that the history has at each task's best epoch."""
    valid = rows(mixed, 120, 1)
    fitted = fit(mixed, rows(mixed, 300, 0), valid, model([["a", "e"], ["b", "c"], ["d"]], dropout=0.2), training())
    network = fitted.network
    targets, mask = labels_of(valid)
    with torch.no_grad():
        losses = network.losses(network(batch_of(network, valid)), targets, mask) / mask.sum(1)
    for t, task in enumerate(network.plan.tasks):
        row = fitted.history.filter(
            (fitted.history["task"] == task.name) & (fitted.history["epoch"] == fitted.best_epoch[task.name])
        )
        assert float(losses[t]) == pytest.approx(row["valid_loss"][0], rel=1e-5)


def test_clipping_scales_each_group_alone(two_inputs: Encodings, rows: RowsOf) -> None:
    from mtl.training.clipping import clip

    network = build_network(two_inputs, model([["a", "b"], ["c", "d"]]))
    data = rows(two_inputs, 40, 0)
    targets, mask = labels_of(data)
    losses = network.losses(network(batch_of(network, data)), targets, mask)
    (100 * losses[:2].sum() + 1e-6 * losses[2:].sum()).backward()
    small = network.body.shared[1].linear.weight.grad[1].clone()
    clip(network, 1.0)
    squares = torch.zeros(2)
    for name, parameter in network.named_parameters():
        for row, task in enumerate(network.owners()[name]):
            squares[int(task >= 2)] += parameter.grad[row].square().sum()
    assert float(squares[0].sqrt()) == pytest.approx(1.0, rel=1e-4)
    assert torch.equal(network.body.shared[1].linear.weight.grad[1], small)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize(
    "groups", [[["a", "e"], ["b"]], [["b"], ["a", "c", "f"], ["d", "g"]], [["a", "c", "d", "e", "f"], ["g"], ["b"]]]
)
def test_an_assembled_network_is_its_parts(groups: Groups, members: int, mixed: Encodings, rows: RowsOf) -> None:
    """Who shares predicts as trained, who stands alone as the single-task network; also with fewer classes among the first."""
    from mtl.training.assembly import alone_in, assembled

    whole, plan = model(groups, members=members), plan_of(mixed)
    alone = alone_in(plan, whole)
    assert alone
    shared = build_network(Encodings(mixed.inputs, tuple(t for t in mixed.tasks if t.name not in alone)), whole)
    single = build_network(mixed, whole, sharing="separate")
    network = assembled(plan, whole, shared, single)
    data = rows(mixed, 40, 0)
    found, parts = told(network, data), {"single": told(single, data), "shared": told(shared, data)}
    names = [task.name for task in shared.plan.tasks]
    for t, task in enumerate(plan.tasks):
        expected = parts["single"][t] if task.name in alone else parts["shared"][names.index(task.name)]
        torch.testing.assert_close(found[t], expected)


def test_seconds_are_of_the_tasks_that_were_trained(mixed: Encodings, rows: RowsOf) -> None:
    """Who is taken over is named beside them."""
    from mtl.training.assembly import assembled, joined

    whole, plan = model([["g"]]), plan_of(mixed)
    some = Encodings(mixed.inputs, tuple(t for t in mixed.tasks if t.name != "g"))
    fitted = fit(some, rows(some, 60, 0), rows(some, 30, 1), whole, training(max_epochs=1))
    single = build_network(mixed, whole, sharing="separate")
    network = assembled(plan, whole, fitted.network, single)
    history = fitted.history.with_columns(task=pl.lit("g")).head(1)
    found = joined(fitted, network, ["g"], history, {"g": 4})
    assert (fitted.adopted, found.adopted) == ((), ("g",))
    assert found.seconds == fitted.seconds
    assert found.best_epoch["g"] == 4


def test_nobody_is_taken_over_where_all_or_none_stand_alone(mixed: Encodings) -> None:
    from mtl.training.assembly import alone_in

    plan = plan_of(mixed)
    assert alone_in(plan, model(None)) == []
    assert alone_in(plan, model([[task.name] for task in plan.tasks])) == []
    assert alone_in(plan, model([["a", "b"]])) == []
    assert alone_in(plan, model([["g"]])) == ["g"]
