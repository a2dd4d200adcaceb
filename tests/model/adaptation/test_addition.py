"""A new task on a champion: the champion stays as it is, the new task learns, and sees no more than it may."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from mtl.adaptation.addition import WITH_OWN, Addition, Means
from mtl.adaptation.learn import learn, plan_task, predicted
from mtl.adaptation.rows import TaskRows
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.network import Network, build_network, predict
from mtl.network.sharing import SHARINGS
from mtl.spec import Model, Training
from tests.model.conftest import rows_for
from tests.model.conftest import task as task_of

TRAINING = Training(max_epochs=20, lr=5e-2, batch_size=64)
WAYS: list[tuple[str, Means]] = [(sharing, means) for sharing in SHARINGS for means in ("head", "low_rank")]
WAYS += [(sharing, "embedding") for sharing in WITH_OWN]


def champion_of(encodings: Encodings, sharing: str, members: int = 1) -> Network:
    torch.manual_seed(0)
    model = Model.model_validate({"sharing": sharing, "width": 16, "depth": 2, "dropout": 0.1, "members": members})
    return build_network(encodings, model).eval()


def rows_of(encodings: Encodings, task: TaskEncoding, rows: int, seed: int) -> TaskRows:
    """Rows of one task whose target follows the inputs."""
    found = rows_for(Encodings(encodings.inputs, (task,)), rows, seed, labelled=1.0)
    keys = pl.DataFrame({"entity": ["thing"] * rows, "key": [str(i) for i in range(rows)], "group": [None] * rows})
    return TaskRows(found.inputs, found.targets, keys, found.lists)


def learned_by(champion: Network, encodings: Encodings, task: TaskEncoding, means: Means) -> tuple[Addition, TaskRows]:
    train, valid = rows_of(encodings, task, 300, 1), rows_of(encodings, task, 100, 2)
    return learn(champion, task, train, valid, TRAINING, means=means, rank=2).addition, rows_of(encodings, task, 300, 3)


@pytest.mark.parametrize(("sharing", "means"), WAYS)
def test_the_champion_keeps_every_bit_and_the_new_task_learns(sharing: str, means: Means, mixed: Encodings) -> None:
    champion, task = champion_of(mixed, sharing), task_of("new", "regression")
    state = {name: p.clone() for name, p in champion.state_dict().items()}
    inputs = rows_for(mixed, 50, 9).inputs
    before = predict(champion, mixed, inputs)
    addition, test = learned_by(champion, mixed, task, means)
    found = predicted(champion, addition, task, test)
    assert np.mean((found - test.targets[:, 0]) ** 2) < 0.9 * test.targets.var()  # on a trunk that nobody trained
    after = predict(champion, mixed, inputs)
    assert all(after[name].tobytes() == before[name].tobytes() for name in before)
    assert all(torch.equal(p, state[name]) for name, p in champion.state_dict().items())
    assert not champion.training
    assert all(p.requires_grad for p in champion.parameters())


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass", "ordinal", "count", "quantile", "multilabel", "retrieval"])
@pytest.mark.parametrize("members", [1, 3])
def test_every_kind_of_task_and_any_members(kind: str, members: int, mixed: Encodings) -> None:
    champion, task = champion_of(mixed, "shared_bottom", members), task_of("new", kind)
    addition, test = learned_by(champion, mixed, task, "head")
    found = predicted(champion, addition, task, test)
    assert found.shape == ((300, len(task.parts)) if task.parts else (300,))
    if kind in ("multiclass", "ordinal"):
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-9)
        assert (found.argmax(1) == test.targets[:, 0]).mean() > 0.4
    if kind == "multilabel":
        assert ((found > 0.5) == task.truth(test.lists["new"])).mean() > 0.7
    if kind == "retrieval":
        assert (found.argmax(1) == test.targets[:, 0]).mean() > 0.25  # of six


@pytest.mark.parametrize(("sharing", "means"), WAYS)
def test_an_input_the_new_task_may_not_see_moves_no_bit(sharing: str, means: Means, two_inputs: Encodings) -> None:
    champion, task = champion_of(two_inputs, sharing), task_of("new", "regression", ["x"])
    addition = Addition(champion, plan_task(task), means, 2).eval()
    with torch.no_grad():
        for parameter in addition.parameters():
            parameter.normal_()
    rows = rows_of(two_inputs, task, 20, 0)
    before = predicted(champion, addition, task, rows)
    for value in (7.0, np.nan):
        y = {**rows.inputs["y"], "numeric": np.full_like(rows.inputs["y"]["numeric"], value)}
        found = predicted(champion, addition, task, TaskRows({**rows.inputs, "y": y}, rows.targets, rows.keys))
        assert found.tobytes() == before.tobytes()
    x = {**rows.inputs["x"], "numeric": rows.inputs["x"]["numeric"] + 1}
    moved = predicted(champion, addition, task, TaskRows({**rows.inputs, "x": x}, rows.targets, rows.keys))
    assert (moved != before).all()


def test_learning_again_gives_the_same_bytes(mixed: Encodings) -> None:
    champion, task = champion_of(mixed, "mmoe"), task_of("new", "binary")
    for means in ("head", "low_rank", "embedding"):
        first, second = (learned_by(champion, mixed, task, means)[0].state_dict() for _ in range(2))
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("sharing", WITH_OWN)
def test_with_what_an_old_task_has_it_predicts_as_that_task_does(sharing: str, mixed: Encodings) -> None:
    """The embedding (gate, expert) and head of task `e` in the addition: exactly a second `e`."""
    champion, at = champion_of(mixed, sharing), 4
    addition = Addition(champion, plan_task(mixed.tasks[at]), "embedding", 1).eval()
    owners = champion.owners()
    state = dict(champion.named_parameters())
    with torch.no_grad():
        for key, parameter in addition.own.items():
            parameter.copy_(state["body." + key.replace("|", ".")][[at]])
        for name, parameter in addition.head.named_parameters():
            row = owners[f"heads.regression.{name}"].index(at)
            parameter.copy_(state[f"heads.regression.{name}"][[row]])
    rows = rows_of(mixed, mixed.tasks[at], 30, 0)
    expected = predict(champion, mixed, rows.inputs)["e"]
    np.testing.assert_allclose(predicted(champion, addition, mixed.tasks[at], rows), expected, rtol=0, atol=1e-6)


def test_low_rank_begins_as_the_trunk_and_moves_its_matrices_within_their_rank(mixed: Encodings) -> None:
    champion, task = champion_of(mixed, "shared_bottom"), task_of("new", "regression")
    fresh = Addition(champion, plan_task(task), "low_rank", 2).eval()
    rows = rows_of(mixed, task, 30, 0)
    from mtl.network import input_tensors

    tensors = {n: {k: t.unsqueeze(0) for k, t in of.items()} for n, of in input_tensors(champion.plan, rows.inputs).items()}
    torch.testing.assert_close(fresh.views(tensors), champion(tensors).shared.seen, rtol=0, atol=0)
    learned = learned_by(champion, mixed, task, "low_rank")[0]
    changes = [learned.own[key] @ learned.own[key[:-1] + "b"] for key in learned.own if key.endswith("|a")]
    assert len(changes) == 2  # the encoder's matrix and the trunk's
    for change in changes:
        assert change.abs().max() > 1e-3
        assert torch.linalg.matrix_rank(change[0], rtol=1e-4) <= 2


def test_training_begins_at_the_best_constant(mixed: Encodings) -> None:
    champion, task = champion_of(mixed, "shared_bottom"), task_of("new", "binary")
    train = rows_of(mixed, task, 200, 1)
    still = Training(max_epochs=1, lr=1e-12)
    addition = learn(champion, task, train, train, still).addition
    np.testing.assert_allclose(predicted(champion, addition, task, train), train.targets.mean(), atol=1e-4)


@pytest.mark.parametrize("count", [2, 10, 57])
def test_some_rows_keep_the_share_of_each_class(count: int, mixed: Encodings) -> None:
    task = task_of("new", "binary")
    rows = rows_of(mixed, task, 200, 1)
    rare = TaskRows(rows.inputs, (np.arange(200) % 10 == 0).astype(np.float32)[:, None], rows.keys)
    chosen = [rare.some(count, seed, True) for seed in range(3)]
    for one in chosen:
        assert len(one) == count
        assert one.keys["key"].n_unique() == count
        assert abs(one.targets.sum() - max(1, count / 10)) <= 1
    assert chosen[0].keys["key"].to_list() != chosen[1].keys["key"].to_list() or count < 3
    assert rare.some(1000, 0, True).keys.equals(rare.keys)


@pytest.mark.parametrize("means", ["head", "low_rank"])
def test_a_champion_of_groups_with_different_sights_takes_a_new_task(means: Means, two_inputs: Encodings) -> None:
    """One trunk runs for {x} and {y}, the other for {x, y} alone, beside a run that no task reads."""
    torch.manual_seed(0)
    model = Model(width=16, depth=2, dropout=0.1, groups=(("a", "b", "d"), ("c",)))
    champion = build_network(two_inputs, model).eval()
    addition, test = learned_by(champion, two_inputs, task_of("new", "regression", ["x", "y"]), means)
    assert addition.mix is not None
    assert len(addition.mix) == 3
    assert np.isfinite(predicted(champion, addition, task_of("new", "regression", ["x", "y"]), test)).all()
