"""Members: TabM's layers against its authors' package, and what an ensemble promises whatever its weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import nbinom
from sklearn.metrics import mean_pinball_loss, mean_poisson_deviance
from tabm import LinearBatchEnsemble, LinearEnsemble, MLPBackboneBatchEnsemble, init_scaling_

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.network import Network, Outputs, build_network, predict, rows_of
from mtl.network.heads import HEADS
from mtl.network.layers import Layer, StackedLinear, Start, adapted, hidden
from mtl.network.sharing import SHARINGS
from mtl.spec import Model, Training
from mtl.training.optimizers import make_optimizer
from tests.model.network.conftest import SEVERAL, batch_of, labels_of, plans

RowsOf = Callable[..., AlignedSet]
ALL = list(SHARINGS)


def small(sharing: str, members: int = 3, **more: object) -> Model:
    return Model.model_validate({"sharing": sharing, "members": members, "width": 12, "depth": 3, "dropout": 0.2, **more})


def scatter(module: torch.nn.Module, seed: int = 0) -> None:
    """Every parameter somewhere else than where it started: members that differ everywhere."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4)


@torch.no_grad()
def copy_layer(of: StackedLinear, into: LinearBatchEnsemble, copy: int) -> None:
    assert of.r is not None
    assert of.s is not None
    for mine, theirs in ((of.weight[copy].T, into.weight), (of.r[copy], into.r), (of.s[copy], into.s), (of.bias[copy], into.bias)):
        assert theirs is not None
        assert mine.shape == theirs.shape
        theirs.copy_(mine)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("one_for_all", [True, False])
def test_a_layer_is_the_packages(copies: int, one_for_all: bool) -> None:
    """Each copy is a LinearBatchEnsemble with the same weights: outputs, and gradients of all parameters."""
    layer = StackedLinear(copies, 5, 7, members=4)
    scatter(layer)
    x = torch.randn(1 if one_for_all else copies, 6, 4, 5)
    found = layer(x)
    found.square().sum().backward()
    for copy in range(copies):
        theirs = LinearBatchEnsemble(5, 7, k=4, scaling_init="ones")
        copy_layer(layer, theirs, copy)
        expected = theirs(x[0 if one_for_all else copy])
        expected.square().sum().backward()
        torch.testing.assert_close(found[copy], expected)
        assert layer.r is not None
        assert layer.s is not None
        torch.testing.assert_close(layer.weight.grad[copy].T, theirs.weight.grad)
        torch.testing.assert_close(layer.r.grad[copy], theirs.r.grad)
        torch.testing.assert_close(layer.s.grad[copy], theirs.s.grad)
        torch.testing.assert_close(layer.bias.grad[copy], theirs.bias.grad)


def test_a_stack_of_layers_is_the_packages_backbone() -> None:
    model = small("shared_bottom", members=4, dropout=0.0)
    layers = [hidden(1, 5, model, Start((1,) * 5, "signs")), hidden(1, 12, model), hidden(1, 12, model)]
    theirs = MLPBackboneBatchEnsemble(
        d_in=5, n_blocks=3, d_block=12, dropout=0.0, activation="SiLU", k=4,
        tabm_init=True, scaling_init="random-signs", start_scaling_init_chunks=[1] * 5,
    )  # fmt: skip
    for layer, block in zip(layers, theirs.blocks, strict=True):
        scatter(layer)
        copy_layer(layer.linear, block[0], 0)
    x = torch.randn(9, 5)
    expected = theirs(x.unsqueeze(1).expand(-1, 4, -1))
    found = x[None, :, None]
    for layer in layers:
        found = layer(found)
    torch.testing.assert_close(found[0], expected)


@pytest.mark.parametrize("kind", list(HEADS))
@pytest.mark.parametrize("one_for_all", [True, False])
def test_heads_are_the_packages(kind: str, one_for_all: bool) -> None:
    """Each task's head is a LinearEnsemble; fused over all tasks of the kind, or a task at a time."""
    classes = [4, 3] if kind in SEVERAL else [1, 1]
    head = HEADS[kind](plans(kind, classes), 6, max(classes), 5)
    scatter(head)
    x = torch.randn(1 if one_for_all else 2, 8, 5, 6)
    logits = head(x)
    assert logits.shape[:3] == (2, 8, 5)
    for task in range(2):
        theirs = LinearEnsemble(6, head.weight.shape[-1], k=5)
        with torch.no_grad():
            theirs.weight.copy_(head.weight[task])
            theirs.bias.copy_(head.bias[task])
        expected = theirs(x[0 if one_for_all else task])
        if kind == "ordinal":
            steps = torch.nn.functional.softplus(head.get_parameter("step")[task])
            expected = expected - torch.cat([torch.zeros(5, 1), steps.cumsum(-1)], -1)
        real = classes[task] - 1 if kind == "ordinal" else classes[task]
        torch.testing.assert_close(logits[task, ..., :real], expected[..., :real])


def test_members_start_as_the_package_starts_them() -> None:
    """Random r at the first layer, one number a feature; ones elsewhere; all members' biases the same, heads' not."""
    torch.manual_seed(0)
    first = StackedLinear(2, 7, 40, members=500, start=Start((1, 4, 2), "signs"))
    assert first.r is not None
    assert set(first.r.flatten().tolist()) == {-1.0, 1.0}
    for feature in (slice(0, 1), slice(1, 5), slice(5, 7)):
        assert (first.r[..., feature] == first.r[..., feature.start : feature.start + 1]).all()
    assert abs(float(first.r.detach().mean())) < 0.1
    normal = StackedLinear(1, 7, 40, members=2000, start=Start((1, 4, 2), "normal"))
    assert normal.r is not None
    theirs = init_scaling_(torch.empty(2000, 7), "normal", [1, 4, 2])
    assert float(normal.r.detach().std()) == pytest.approx(float(theirs.std()), rel=0.1)
    later = StackedLinear(1, 5, 4, members=3)
    for ones in (first.s, later.r, later.s):
        assert ones is not None
        assert (ones == 1).all()
    assert (first.bias == first.bias[:, :1]).all()
    assert float(first.bias.detach().abs().max()) == pytest.approx(1 / math.sqrt(7), rel=0.1)
    head = HEADS["binary"](plans("binary", [1]), 9, 1, 4)
    assert head.weight.unique().numel() == head.weight.numel()


def test_the_very_first_layers_and_no_others_start_at_random(two_inputs: Encodings) -> None:
    network = build_network(two_inputs, small("hybrid"))
    random = {name for name, p in network.named_parameters() if name.endswith(".r") and not (p == 1).all()}
    assert random == {f"body.{part}.0.encoders.{x}.layer.linear.r" for part in ("shared", "own") for x in "xy"}


@pytest.mark.parametrize("sharing", ALL)
def test_shapes_with_members(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, small(sharing)).eval()
    outputs = network(batch_of(network, rows(mixed, 11, 0)))
    assert outputs.shared.seen.shape[1:] == (11, 3, 12)
    assert {kind: tuple(x.shape) for kind, x in outputs.logits.items()} == {
        "regression": (2, 11, 3, 1), "binary": (1, 11, 3, 1), "multiclass": (2, 11, 3, 4), "ordinal": (2, 11, 3, 4),
        "count": (2, 11, 3, 2), "quantile": (1, 11, 3, 3),
    }  # fmt: skip


@torch.no_grad()
def member_only(network: Network, member: int) -> Network:
    """A network without members that is this member of `network`: r and s go into the weights."""
    alone = Network(network.plan, network.model.model_copy(update={"members": 1}), network.sharing).eval()
    state = dict(network.named_parameters())
    for name, parameter in alone.named_parameters():
        stem, _, leaf = name.rpartition(".")
        if (r := state.get(f"{stem}.r")) is not None and leaf == "weight":
            parameter.copy_(state[name] * r[:, member, :, None] * state[f"{stem}.s"][:, member, None, :])
        elif parameter.shape == state[name].shape:
            parameter.copy_(state[name])
        else:
            parameter.copy_(state[name][:, member])
    return alone


@pytest.mark.parametrize("sharing", ALL)
def test_an_ensemble_is_the_mean_of_its_members(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    """Each member as a network of its own: predictions and losses are the means of theirs."""
    network = build_network(mixed, small(sharing)).eval()
    for name, parameter in network.named_parameters():
        if name.endswith((".r", ".s", "bias")):
            torch.nn.init.normal_(parameter, mean=1.0, std=0.3)
    some = rows(mixed, 24, 1)
    alone = [member_only(network, m) for m in range(3)]
    expected = [predict(one, mixed, some.inputs) for one in alone]
    for name, values in predict(network, mixed, some.inputs).items():
        np.testing.assert_allclose(values, np.mean([one[name] for one in expected], axis=0), rtol=0, atol=2e-6)
    targets, mask = labels_of(some)
    outputs = network(batch_of(network, some))
    losses = [one.losses(one(batch_of(one, some)), targets, mask) for one in alone]
    if outputs.first is None:
        torch.testing.assert_close(
            network.train().losses(outputs, targets, mask), torch.stack(losses).mean(0), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("sharing", ALL)
def test_order_of_members_does_not_matter(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network, other = (build_network(mixed, small(sharing)) for _ in range(2))
    scatter(network)
    state = dict(network.named_parameters())
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            of_members = parameter.dim() > 2 and parameter.shape[1] == 3 and (name.startswith("heads.") or "linear." in name)
            parameter.copy_(state[name][:, [2, 0, 1]] if of_members and not name.endswith("linear.weight") else state[name])
    inputs = rows(mixed, 30, 6).inputs
    expected, found = predict(network, mixed, inputs), predict(other, mixed, inputs)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sharing", ALL)
def test_only_and_owners_with_members(sharing: str, mixed: Encodings, rows: RowsOf) -> None:
    network = build_network(mixed, small(sharing)).eval()
    scatter(network)
    for name, rows_kept in rows_of(network.owners(), [0]).items():
        assert rows_kept is None or len(network.get_parameter(name)) == len(network.owners()[name])
    chosen = list(range(len(mixed.tasks))) if network.body.entwined else [1, 4, 6, 8, 9]
    some = batch_of(network, rows(mixed, 20, 5))
    before, fewer = network.decode(network(some)), network.only(chosen).eval()
    after = fewer.decode(fewer(some))
    for place, task in enumerate(chosen):
        torch.testing.assert_close(after[place], before[task], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [kind for kind, head in HEADS.items() if not head.listed and not head.together])
def test_every_members_head_starts_at_the_constants(kind: str) -> None:
    classes = [4, 3] if kind in SEVERAL else [1, 1]
    head, plain = (HEADS[kind](plans(kind, classes), 6, max(classes), members) for members in (3, 1))
    y = [torch.randint(0, max(2, c), (300,)).float() for c in classes]
    best = torch.stack([head.constant(values, task) for task, values in enumerate(y)])
    for one in (head, plain):
        one.start_at(best)
        torch.nn.init.zeros_(one.weight)
    x = torch.randn(1, 5, 3, 6)
    for member in range(3):
        torch.testing.assert_close(head(x)[:, :, member], plain(x[:, :, :1])[:, :, 0])
    assert Layer(1, 2, 2, 0.0).linear.r is None


def test_only_matrices_decay(two_inputs: Encodings) -> None:
    """W, tables and the matrices of piecewise-linear encodings; not r, s, biases, or the straight lines of numbers."""
    bins = {
        n: replace(one, numeric=tuple(replace(c, bins=(-1.0, 0.0, 1.0)) for c in one.numeric))
        for n, one in two_inputs.inputs.items()
    }
    network = build_network(replace(two_inputs, inputs=bins), small("shared_bottom"))
    optimizer = make_optimizer(dict(network.named_parameters()), Training(weight_decay=0.5))
    decays = {id(p) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    last = {name.rpartition(".")[2] for name, p in network.named_parameters() if id(p) in decays}
    others = {name.rpartition(".")[2] for name, p in network.named_parameters() if id(p) not in decays}
    assert last == {"weight", "table"}
    assert others == {"r", "s", "bias", "absent", "slope", "offset", "step"}


def test_when_it_predicts_the_loss_is_that_of_the_mean_prediction(mixed: Encodings, rows: RowsOf) -> None:
    """Never above the mean of the members' losses (Jensen), and what the plain formulas say of `predict`."""
    network, some = build_network(mixed, small("shared_bottom", 4)), rows(mixed, 40, 3, labelled=1.0)
    scatter(network)
    found = predict(network, mixed, some.inputs)
    targets = torch.from_numpy(some.targets.T.copy())
    outputs, mask = network.eval()(batch_of(network, some)), torch.ones(len(mixed.tasks), 40)
    pooled = network.losses(outputs, targets, mask)
    assert (pooled < network.train().losses(outputs, targets, mask)).all()
    expected = []
    for task, y in zip(mixed.tasks, some.targets.T.astype(np.float64), strict=True):
        said = found[task.name]
        if task.kind == "regression":
            expected.append(((said - y) ** 2).sum())
        elif task.kind == "quantile":
            of_levels = zip(said.T, task.levels, strict=True)
            expected.append(40 / 3 * sum(mean_pinball_loss(y, quantile, alpha=level) for quantile, level in of_levels))
        elif task.distribution == "negative_binomial":
            expected.append(mixture_surprise(network, outputs, y))
        elif task.kind == "count":
            expected.append(mean_poisson_deviance(y, said) * 40 / task.dispersion)
        elif task.kind == "multiclass":
            expected.append(-np.log(said[np.arange(40), y.astype(int)]).sum())
        else:
            above = said[:, None] if task.kind == "binary" else 1 - said.cumsum(1)[:, :-1]
            truth = y[:, None] > np.arange(above.shape[1])
            expected.append(-np.log(np.where(truth, above, 1 - above)).sum())
    torch.testing.assert_close(pooled.double(), torch.tensor(expected), rtol=1e-4, atol=1e-4)
    pooled.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def mixture_surprise(network: Network, outputs: Outputs, y: np.ndarray) -> float:
    """Of a negative binomial with the mean and the variance of all members' together."""
    log_mean, log_alpha = outputs.logits["count"][1].double().detach().numpy().transpose(2, 0, 1)
    each, alpha = np.exp(log_mean), np.exp(log_alpha)
    mean = each.mean(1)
    variance = (each + alpha * each**2).mean(1) + each.var(1)
    r = mean**2 / (variance - mean)
    return float(-nbinom.logpmf(y, r, r / (r + mean)).sum())


def test_a_batched_product_is_one_copy_after_the_other() -> None:
    """What a GPU does for many copies and what a CPU does."""
    layer = StackedLinear(3, 5, 7, members=4)
    scatter(layer)
    assert layer.one_by_one
    for x in (torch.randn(3, 6, 4, 5), torch.randn(1, 6, 1, 5)):
        assert layer.r is not None
        assert layer.s is not None
        torch.testing.assert_close(adapted(x, layer.weight, layer.r, layer.s, layer.bias), layer(x))
