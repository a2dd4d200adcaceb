"""fit: it learns, stops where it should, and gives the same bytes again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import TrainingError
from mtl.network import Network, plan_of, predict
from mtl.network.sharing import SHARINGS
from mtl.spec import Model, Training
from mtl.training import Epoch, Fitted, fit

FEW = ["shared_bottom", "separate", "hybrid"]
OPTIMIZED = [(sharing, "adamw") for sharing in SHARINGS]
OPTIMIZED += [(sharing, other) for sharing in FEW for other in ("sgd", "full_batch")]
RowsOf = Callable[..., AlignedSet]
MODEL = Model(width=16, depth=2, dropout=0.1)


def training(**more: object) -> Training:
    return Training.model_validate({"batch_size": 64, "max_epochs": 6, "patience": 3, "lr": 3e-3, "device": "cpu", **more})


def weights(network: Network) -> bytes:
    return b"".join(p.detach().numpy().tobytes() for p in network.parameters())


def fitted(encodings: Encodings, rows: RowsOf, sharing: str = "shared_bottom", **more: object) -> Fitted:
    return fit(encodings, rows(encodings, 400, 0), rows(encodings, 150, 1), MODEL, training(**more), sharing=sharing)


@pytest.mark.parametrize(("sharing", "optimizer"), OPTIMIZED)
def test_it_learns_every_kind_of_task(sharing: str, optimizer: str, mixed: Encodings, rows: RowsOf) -> None:
    """Valid losses end well below those of the first epoch; the history is whole."""
    lr = {"adamw": 5e-3, "sgd": 2e-2, "full_batch": 0.3}[optimizer]
    found = fitted(mixed, rows, sharing, optimizer=optimizer, lr=lr, max_epochs=60 if optimizer == "full_batch" else 9)
    assert found.history.columns == ["epoch", "task", "train_loss", "valid_loss", "labels"]
    best = found.history.group_by("task").agg(pl.col("valid_loss").min() / pl.col("valid_loss").first()).sort("task")
    assert best["task"].to_list() == sorted(task.name for task in mixed.tasks)
    assert best["valid_loss"].max() < 0.95
    assert found.parameters == sum(p.numel() for p in found.network.parameters())


@pytest.mark.parametrize("sharing", FEW)
def test_the_same_run_gives_the_same_bytes(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    """Of every sharing `test_checkpoints.py` shows it, with a stop on the way."""
    first = fitted(mixed, rows, sharing)
    torch.manual_seed(99)  # whatever the generator did before
    second = fitted(mixed, rows, sharing)
    assert weights(first.network) == weights(second.network)
    assert first.history.equals(second.history)
    assert weights(fitted(mixed, rows, sharing, seed=1).network) != weights(first.network)


def test_it_leaves_torch_as_it_was(mixed: Encodings, rows: RowsOf) -> None:
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fitted(mixed, rows, max_epochs=1)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_every_head_begins_at_its_best_constant(mixed: Encodings, rows: RowsOf) -> None:
    """Without what the inputs say, a network that has not been trained loses what the best constant does."""
    from mtl.network import build_network
    from mtl.training.baseline import best_constants, constant_losses, start_at_constants
    from mtl.training.batches import Store
    from mtl.training.loop import valid_losses
    from mtl.training.run import Run

    network = build_network(mixed, MODEL)
    stores = [Store.of(network.plan, rows(mixed, 300, seed), torch.device("cpu")) for seed in (0, 1)]
    best = best_constants(network, stores[0])
    start_at_constants(network, best)
    for head in network.heads.values():
        torch.nn.init.zeros_(head.weight)
    run = Run.start(network.plan, MODEL, training(), None, torch.device("cpu"))
    run.put(network, run.active)
    assert valid_losses(run, stores[1]).mean == pytest.approx(constant_losses(network, best, *stores), rel=1e-4)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_best_weights_are_restored(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    """The network's valid losses are those of each task's best epoch, not of the last."""
    from mtl.training.baseline import best_constants, constant_losses
    from mtl.training.batches import Store
    from mtl.training.loop import valid_losses
    from mtl.training.run import Run

    train, valid = rows(mixed, 200, 0), rows(mixed, 150, 1)
    asked = training(lr=0.03, max_epochs=12)
    found = fit(mixed, train, valid, MODEL, asked, sharing=sharing)
    run = Run.start(found.network.plan, MODEL, asked, sharing, torch.device("cpu"))
    run.put(found.network, run.active)
    stores = [Store.of(found.network.plan, part, torch.device("cpu")) for part in (train, valid)]
    now = valid_losses(run, stores[1]).mean
    losses = constant_losses(found.network, best_constants(found.network, stores[0]), *stores)
    constants = dict(zip(found.best_epoch, losses, strict=True))
    for (task, epoch), loss in zip(found.best_epoch.items(), now, strict=True):
        of_task = found.history.filter(pl.col("task") == task)
        assert loss == pytest.approx(of_task.filter(pl.col("epoch") == epoch)["valid_loss"].item(), rel=1e-5)
        if sharing == "separate":
            assert epoch == of_task["epoch"][int(np.argmin(of_task["valid_loss"]))]
    if sharing != "separate":
        score = found.history.with_columns(pl.col("valid_loss") / pl.col("task").replace_strict(constants))
        by_epoch = score.group_by("epoch", maintain_order=True).agg(pl.col("valid_loss").mean())
        assert set(found.best_epoch.values()) == {by_epoch["epoch"][int(np.argmin(by_epoch["valid_loss"]))]}


def test_separate_tasks_stop_and_leave_on_their_own(mixed: Encodings, rows: RowsOf) -> None:
    found = fitted(mixed, rows, "separate", lr=0.02, max_epochs=25, patience=2)
    last = dict(found.history.group_by("task").agg(pl.col("epoch").max()).iter_rows())
    assert len(set(last.values())) > 1
    for task, epoch in found.best_epoch.items():
        assert last[task] == min(epoch + 2, 25)


def test_who_leaves_does_not_disturb_who_stays(make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Without dropout and in full batch, a task trains as it would alone: beside one that leaves early, too."""
    both, alone = make([("a", "regression"), ("b", "regression")]), make([("a", "regression")])
    train, valid = rows(both, 100, 0), rows(both, 100, 1)
    train.targets[:, 1] = np.random.default_rng(5).normal(size=100) * train.labelled[:, 1]  # nothing to learn: b leaves early
    model, asked = Model(width=8, depth=2, dropout=0), training(optimizer="full_batch", lr=0.05, max_epochs=40, patience=4)
    pair = fit(both, train, valid, model, asked, sharing="separate")

    def first(part: AlignedSet) -> AlignedSet:
        return AlignedSet(part.inputs, part.targets[:, :1], part.labelled[:, :1], ("a",))

    import mtl.training.run as runs

    start = runs.Run.start(pair.network.plan, model, asked, "separate", torch.device("cpu"))
    assert start.active == [0, 1]
    with pytest.MonkeyPatch.context() as patch:  # the lone task starts from the pair's first copy
        torch.manual_seed(0)
        patch.setattr(runs, "Network", lambda plan, m, s: Network(pair.network.plan, m, s).only([0]))
        single = fit(alone, first(train), first(valid), model, asked, sharing="separate")
    a = pair.history.filter(pl.col("task") == "a")
    assert a["epoch"].max() > pair.history.filter(pl.col("task") == "b")["epoch"].max()
    np.testing.assert_allclose(a["valid_loss"], single.history["valid_loss"], rtol=1e-4)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_order_of_rows_does_not_matter_in_full_batch(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    train, valid, order = rows(mixed, 120, 0), rows(mixed, 60, 1), np.random.default_rng(0).permutation(120)
    turned = AlignedSet(
        {n: {k: a[order] for k, a in of.items()} for n, of in train.inputs.items()},
        train.targets[order],
        train.labelled[order],
        train.tasks,
    )
    model, asked = Model(width=8, depth=2, dropout=0), training(optimizer="full_batch", lr=0.05, max_epochs=8)
    one, other = (fit(mixed, part, valid, model, asked, sharing=sharing) for part in (train, turned))
    np.testing.assert_allclose(one.history["valid_loss"], other.history["valid_loss"], rtol=1e-4)


@pytest.mark.parametrize("sharing", SHARINGS)
def test_disjoint_labels_and_a_task_without_valid_labels(sharing: str, make: Callable[..., Encodings], rows: RowsOf) -> None:
    """Each row has the label of one task; one task has none in valid: it is judged on train."""
    encodings = make([(f"t{i}", "regression") for i in range(6)])
    train, valid = rows(encodings, 240, 0, 1.0), rows(encodings, 120, 1, 1.0)
    for part in (train, valid):
        part.labelled[:] = np.arange(part.rows)[:, None] % 6 == np.arange(6)
    valid.labelled[:, 3] = False
    found = fit(encodings, train, valid, MODEL, training(max_epochs=15, lr=0.01), sharing=sharing)
    silent = found.history.filter(pl.col("task") == "t3")
    assert silent["valid_loss"].is_null().all()
    assert silent["train_loss"].is_finite().all()
    others = found.history.filter(pl.col("task") != "t3").group_by("task").agg(pl.col("valid_loss").min())
    assert others["valid_loss"].max() < 0.8
    assert all(np.isfinite(v).all() for v in predict(found.network, encodings, valid.inputs).values())


@pytest.mark.parametrize("balancing", ["equal", "fixed", "uncertainty"])
def test_balancings_steer_training(balancing: str, make: Callable[..., Encodings], rows: RowsOf) -> None:
    """λ = 0 leaves a task's head where it was; the others learn."""
    encodings = make([("a", "regression"), ("b", "binary")], weights=[1.0, 0.0])
    train, valid = rows(encodings, 200, 0), rows(encodings, 100, 1)
    found = fit(encodings, train, valid, MODEL, training(balancing=balancing, optimizer="sgd", max_epochs=8, lr=0.05))
    gain = {t: h["valid_loss"].min() / h["valid_loss"][0] for (t,), h in found.history.group_by("task")}
    assert gain["a"] < 0.9
    head = {n: p for n, p in found.network.named_parameters() if n.startswith("heads.binary")}
    start = fit(encodings, train, valid, MODEL, training(balancing=balancing, optimizer="sgd", max_epochs=1, lr=1e-12))
    same = [torch.allclose(p, dict(start.network.named_parameters())[n]) for n, p in head.items() if n.endswith("bias")]
    assert all(same) == (balancing == "fixed")


def test_a_loss_that_is_not_finite_names_task_and_epoch(mixed: Encodings, rows: RowsOf) -> None:
    train = rows(mixed, 100, 0)
    train.targets[:, 4] *= 1e30
    with pytest.raises(TrainingError, match=r"epoch 1, train: the loss of e\n(.|\n)*training\.lr") as caught:
        fit(mixed, train, rows(mixed, 50, 1), MODEL, training())
    assert caught.value.exit_code == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_asked_for_but_not_there(mixed: Encodings, rows: RowsOf) -> None:
    with pytest.raises(TrainingError, match=r"training\.device: cuda(.|\n)*device: auto"):
        fitted(mixed, rows, device="cuda")


@pytest.mark.parametrize("sharing", SHARINGS)
def test_bf16_learns_too(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    found, plain = (fitted(mixed, rows, sharing, max_epochs=3, **more) for more in ({"precision": "bf16"}, {}))
    np.testing.assert_allclose(found.history["valid_loss"], plain.history["valid_loss"], rtol=0.2)
    assert weights(found.network) != weights(plain.network)


def test_clipping_bounds_each_networks_gradient(mixed: Encodings, rows: RowsOf) -> None:
    from mtl.training.clipping import clip

    for sharing in SHARINGS:
        network = Network(plan_of(mixed), MODEL, sharing)
        for parameter in network.parameters():
            parameter.grad = torch.randn_like(parameter)
        clip(network, 0.5)
        owners = network.owners()
        squares = torch.zeros(len(mixed.tasks))
        for name, p in network.named_parameters():
            assert p.grad is not None
            if sharing == "separate":
                squares[owners[name]] += p.grad.flatten(1).square().sum(1)
            else:
                squares[0] += p.grad.square().sum()
        expected = torch.full_like(squares, 0.5)
        if sharing != "separate":
            expected[1:] = 0
        torch.testing.assert_close(squares.sqrt(), expected, rtol=1e-3, atol=1e-4)
    assert fitted(mixed, rows, "separate", clip=1.0, max_epochs=1).history["train_loss"].is_finite().all()


def test_progress_hears_of_every_epoch(mixed: Encodings, rows: RowsOf) -> None:
    heard: list[Epoch] = []
    found = fit(mixed, rows(mixed, 200, 0), rows(mixed, 80, 1), MODEL, training(), progress=heard.append)
    assert [e.epoch for e in heard] == found.history["epoch"].unique(maintain_order=True).to_list()
    assert all(set(e.valid_loss) == {task.name for task in mixed.tasks} for e in heard)
    assert heard[-1].best_score == min(e.score for e in heard)


def test_nothing_is_left_in_the_checkpoint_folder(mixed: Encodings, rows: RowsOf, tmp_path: Path) -> None:
    fit(mixed, rows(mixed, 100, 0), rows(mixed, 80, 1), MODEL, training(max_epochs=2), checkpoints=tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("sharing", SHARINGS)
def test_an_input_without_columns_and_rows_of_other_entities(sharing: str, two_inputs: Encodings, rows: RowsOf) -> None:
    """All columns of y were dropped; half of the rows have no x at all."""
    from dataclasses import replace

    encodings = replace(two_inputs, inputs={**two_inputs.inputs, "y": replace(two_inputs.inputs["y"], numeric=())})
    train, valid = rows(two_inputs, 200, 0), rows(two_inputs, 100, 1)
    for part in (train, valid):
        part.inputs["y"].update(numeric=np.zeros((part.rows, 0), np.float32), missing=np.zeros((part.rows, 0), bool))
        part.inputs["x"]["present"][::2] = False
        part.labelled[::2, [0, 3]] = False
    found = fit(encodings, train, valid, MODEL, training(), sharing=sharing)
    assert found.history["valid_loss"].is_finite().all()
    before = predict(found.network, encodings, valid.inputs)["a"]
    valid.inputs["x"]["numeric"][::2] = 7  # of rows that do not have it
    after = predict(found.network, encodings, valid.inputs)["a"]
    assert before.tobytes() == after.tobytes()


@pytest.mark.parametrize("tasks", [1, 2])
def test_memory_mapped_sets_are_only_read(tasks: int, make: Callable[..., Encodings], rows: RowsOf, tmp_path: Path) -> None:
    """From disk, as the pipeline has them: the same bytes as from memory, and no warning of arrays that cannot be written."""
    encodings = make([(f"t{i}", "regression") for i in range(tasks)])
    train, valid = rows(encodings, 120, 0), rows(encodings, 60, 1)
    keys = pl.DataFrame({"entity": ["thing"], "key": ["1"], "group": [None]})
    for name, part in (("train", train), ("valid", valid)):
        part.write(tmp_path / name, keys)
    mapped = fit(encodings, AlignedSet.read(tmp_path / "train"), AlignedSet.read(tmp_path / "valid"), MODEL, training())
    assert weights(mapped.network) == weights(fit(encodings, train, valid, MODEL, training()).network)
    predict(mapped.network, encodings, AlignedSet.read(tmp_path / "valid").inputs)
