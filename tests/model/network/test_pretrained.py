"""An encoder that came trained and goes on learning: where it begins, what of it learns, what copies share, who sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from mtl.data.pretrained import PretrainedModel
from mtl.network import Network
from mtl.network.encoders.pretrained import Pretrained
from mtl.network.input_plans import PretrainedPlan, VectorPlan
from mtl.network.plan import Plan, TaskPlan
from mtl.network.ragged import take
from mtl.spec import Model, Training
from mtl.training.optimizers import make_optimizer
from tests.model.network import reading
from tests.model.network.conftest import stirred
from tests.ragged import ragged_of
from tests.tiny_bert import kept_bert, tiny_bert

WORDS = [f"w{i}" for i in range(20)]
OPTIONS = {"lora": {"rank": 2.0, "alpha": 4.0, "lr": 5e-4}, "finetune": {"lr": 3e-5}}
MODES = list(OPTIONS)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    folder = tmp_path_factory.mktemp("bert")
    return kept_bert(tiny_bert(folder / "tiny", WORDS), folder / "kept")


def plan_of(kept: PretrainedModel, mode: str, pooling: str = "mean") -> PretrainedPlan:
    return PretrainedPlan("words", kept.config, pooling, mode, tuple(OPTIONS[mode].items()), kept.weights)


def encoder(kept: PretrainedModel, mode: str, copies: int = 1, members: int = 1, stir: float = 0.05) -> Pretrained:
    """One that predicts, with every weight away from where it starts."""
    torch.manual_seed(0)
    made = Pretrained(plan_of(kept, mode), copies, Model(width=8, dropout=0.2, members=members))
    return stirred(made, stir, None).eval()


def tokens(lengths: list[list[int]], seed: int = 1) -> Tensor:
    """Random texts of these lengths, [leading, batch, longest]; 0 is padding."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(1, *(one for of in lengths for one in of))
    found = torch.randint(1, len(WORDS), (len(lengths), len(lengths[0]), longest), generator=generator)
    return torch.where(torch.arange(longest) < torch.tensor(lengths).unsqueeze(-1), found, 0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_it_begins_as_it_came(kept: PretrainedModel, mode: str, pooling: str) -> None:
    """Every copy of it: a low-rank update is 0 at first."""
    from mtl.network.pretrained import pooled, run, skeleton

    batch = tokens([[7, 3]])
    given = {name: torch.from_numpy(array) for name, array in kept.weights().items()}
    states = run(skeleton(kept.config), given, (batch[0] - 1).clamp(min=0), batch[0] > 0)
    made = Pretrained(plan_of(kept, mode, pooling), 3, Model(width=8)).eval()
    wanted = made.layer(pooled(states, batch[0] > 0, pooling)[None, :, None])
    torch.testing.assert_close(made({"tokens": batch}), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_a_low_rank_update_is_the_papers(kept: PretrainedModel, mode: str) -> None:
    """W + (α / rank) · B A in every linear layer."""
    from mtl.network.pretrained import run, skeleton

    batch, made = tokens([[7, 3]])[0], encoder(kept, "lora")
    (weights,) = made._of_copies()
    whole = {name: w.detach() for name, w in weights.items() if "low_rank" not in name}
    for name in [n for n in weights if n.endswith("low_rank_a")]:
        layer = name.removesuffix("low_rank_a")
        whole[f"{layer}weight"] = whole[f"{layer}weight"] + 4 / 2 * weights[f"{layer}low_rank_b"] @ weights[name]
    ids, there = (batch - 1).clamp(min=0), batch > 0
    wanted = run(skeleton(kept.config), whole, ids, there)
    torch.testing.assert_close(run(made._module[0], weights, ids, there), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_text_does_not_know_the_batch(kept: PretrainedModel, mode: str) -> None:
    made, batch = encoder(kept, mode), tokens([[5, 1, 14, 12, 0]])
    together = reading.check_rows_alone(made, {"tokens": batch}, (1e-5, 1e-5))
    wider = torch.nn.functional.pad(batch, (0, 9))
    torch.testing.assert_close(made({"tokens": wider}), together, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("members", [1, 3])
def test_every_copy_reads_the_same_rows_or_its_own(kept: PretrainedModel, mode: str, members: int) -> None:
    """As a network of one copy would that has its slices; one copy reads what several viewers bring."""
    three, same, own = encoder(kept, mode, 3, members), tokens([[4, 0, 9]]), tokens([[4, 0, 9], [1, 2, 3], [0, 0, 0]])
    of_same, of_own = three({"tokens": same}), three({"tokens": own})
    assert of_same.shape == of_own.shape == (3, 3, members, 8)
    for copy in range(3):
        alone = encoder(kept, mode, 1, members)
        alone.load_state_dict({name: of[copy : copy + 1] for name, of in three.state_dict().items()})
        torch.testing.assert_close(of_same[copy], alone({"tokens": same})[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(of_own[copy], alone({"tokens": own[copy : copy + 1]})[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(alone({"tokens": own})[copy], alone({"tokens": own[copy : copy + 1]})[0], rtol=1e-5, atol=1e-5)


def test_copies_that_are_handed_in_are_used(kept: PretrainedModel) -> None:
    """As balancing does where tasks have own rows: one parameter, seen by each task through a copy of its own."""
    made, own = encoder(kept, "lora"), tokens([[4, 3], [1, 2]])
    copies = {name: p.detach().expand(2, *p.shape[1:]).clone().requires_grad_() for name, p in made.named_parameters()}
    found = functional_call(made, copies, ({"tokens": own},))
    torch.testing.assert_close(found, made({"tokens": own}), rtol=1e-5, atol=1e-5)
    found[0].sum().backward()
    assert all(not p.grad[1].any() for p in copies.values() if p.grad is not None)


def test_what_learns_and_what_is_kept(kept: PretrainedModel) -> None:
    """Of lora the factors and the last layer, and nothing else is in the model's file; of finetune everything."""
    lora, whole = encoder(kept, "lora", 2), encoder(kept, "finetune", 2)
    assert all("low_rank" in name or name.startswith("layer.") for name in lora.state_dict())
    assert sum(len(p[0].flatten()) for p in whole.learned.values()) == sum(
        array.size for array in kept.weights().values() if array.dtype == np.float32
    )
    for made in (lora, whole):
        made({"tokens": tokens([[4, 3]])}).square().sum().backward()
        assert all(p.grad is not None for p in made.parameters())


def test_its_weights_have_their_own_learning_rate_and_matrices_decay(kept: PretrainedModel) -> None:
    network, _ = two_inputs(kept, "finetune")
    rates = network.own_rates()
    assert set(rates.values()) == {3e-5}
    assert {name for name, _ in network.named_parameters() if ".learned." in name} == set(rates)
    optimizer = make_optimizer(dict(network.named_parameters()), Training(lr=0.1, weight_decay=0.5), rates)
    by_id = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        group = by_id[id(parameter)]
        assert group["lr"] == rates.get(name, 0.1)
        if ".learned." in name:
            assert (group["weight_decay"] > 0) == (parameter.dim() > 2), name


def two_inputs(kept: PretrainedModel, mode: str, **more: Any) -> tuple[Network, dict[str, dict[str, Tensor]]]:
    """Task `a` sees the text and a vector, `b` the vector alone."""
    inputs = (plan_of(kept, mode), VectorPlan("v", 3))
    tasks = (TaskPlan("a", "regression", 1, frozenset({"words", "v"})), TaskPlan("b", "regression", 1, frozenset({"v"})))
    torch.manual_seed(0)
    network = Network(Plan(inputs, tasks, (("regression", 1),)), Model(width=8, **more)).eval()
    rows = {"words": {"tokens": tokens([[4, 2, 9]])}, "v": {"numbers": torch.randn(1, 3, 3)}}
    return network, rows


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sharing", ["shared_bottom", "separate", "hybrid", "mmoe"])
def test_what_a_task_does_not_see_changes_no_bit(kept: PretrainedModel, mode: str, sharing: str) -> None:
    network, rows = two_inputs(kept, mode, sharing=sharing)
    other = {**rows, "words": {"tokens": tokens([[1, 7, 3]], seed=5)}}
    a, b = network.decode(network(rows))
    a_other, b_other = network.decode(network(other))
    assert torch.equal(b, b_other)
    assert not torch.equal(a, a_other)


@pytest.mark.parametrize("mode", MODES)
def test_a_task_taken_out_predicts_the_same(kept: PretrainedModel, mode: str) -> None:
    network, rows = two_inputs(kept, mode, sharing="separate")
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        alone = network.only([0])
        torch.testing.assert_close(alone.decode(alone(rows))[0], network.decode(network(rows))[0])


def test_dropout_is_on_while_it_learns(kept: PretrainedModel) -> None:
    made, batch = encoder(kept, "lora"), {"tokens": tokens([[9, 4]])}
    made.layer.dropout = 0.0
    torch.testing.assert_close(made(batch), made(batch))
    made.train()
    assert not torch.equal(made(batch), made(batch))


def test_arrays_become_tensors(kept: PretrainedModel) -> None:
    arrays = {"tokens": ragged_of([[3, 1, 2], [], [5]]), "present": np.array([True, False, True])}
    held = Pretrained.tensors(plan_of(kept, "lora"), arrays, 3)
    assert take(held["tokens"], torch.tensor([0, 1, 2])).tolist() == [[[3, 1, 2], [0, 0, 0], [5, 0, 0]]]
    assert held["present"].tolist() == [True, False, True]
    assert not Pretrained.tensors(plan_of(kept, "lora"), None, 2)["present"].any()


def test_it_needs_something_to_update(kept: PretrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.network import pretrained

    monkeypatch.setattr(pretrained, "_built", lambda _: torch.nn.ModuleDict())
    with pytest.raises(ValueError, match="linear layers"):
        pretrained.skeleton(kept.config, rank=2)
