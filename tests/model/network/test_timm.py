"""Networks that timm knows by name: what is taken out of them, where they begin, and what copies have of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from mtl.data.inputs.timm import TimmEncoding
from mtl.data.pretrained import WEIGHTS
from mtl.network.encoders.image import Image
from mtl.network.input_encodings import input_plan
from mtl.network.input_plans import ImagePlan
from mtl.network.pictures.named import built, size_of, timm_itself
from mtl.network.pictures.timm import Timm
from mtl.network.sequences import of_copies
from mtl.pretrained.pictures import embed_pictures
from mtl.spec import ImageInput, Model
from tests.named_pictures import NAME, needs_timm, trained_folder

SIDES = (32, 40)
OF_ALL_KINDS = ["resnet10t", "convnext_atto", "vit_tiny_patch16_224", "mobilenetv3_small_050", "efficientnet_b0"]
"""With batches normalised, alone and with an activation in one; with layers normalised; for pictures of one size."""


@pytest.fixture(autouse=True)
def timm_is_there() -> None:
    needs_timm()


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs_timm()
    return trained_folder(tmp_path_factory.mktemp("timm") / "folder")


@pytest.fixture(scope="module")
def trained(came: Path, tmp_path_factory: pytest.TempPathFactory) -> ImagePlan:
    folder = tmp_path_factory.mktemp("embedded") / "picture"
    said = {"kind": "image", "source": "s", "column": "p", "network": "timm", "model": NAME, "weights": str(came)}
    asked = ImageInput.model_validate({**said, "size": SIDES})
    content = embed_pictures("picture", asked, folder)["content"]
    made = TimmEncoding(
        "picture", {"thing": "s"}, "p", "p", None, 10**6, SIDES, (0.0,) * 3, (1.0,) * 3, "timm", {"lr": 1e-4},
        model=NAME, content=content, folder=str(folder / "model"),
    )  # fmt: skip
    assert (folder / "model" / WEIGHTS).is_file()
    plan = input_plan("picture", made)
    assert isinstance(plan, ImagePlan)
    return plan


def random_plan(model: str, sides: tuple[int, int] = SIDES) -> ImagePlan:
    return ImagePlan("picture", sides, (0.0,) * 3, (1.0,) * 3, "timm", (("lr", 1e-4),), (), model)


def pictures(rows: int, sides: tuple[int, int] = SIDES) -> Tensor:
    return torch.randn(rows, 3, *sides, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("model", OF_ALL_KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_a_pictures_numbers_hang_on_no_other(model: str, training: bool) -> None:
    torch.manual_seed(0)
    network = Timm(random_plan(model, (64, 64)), 1).train(training)
    (weights,) = of_copies(network, 1)
    x = pictures(4, (64, 64))
    with torch.no_grad():
        together, others = network(x, weights), network(torch.cat([x[:1], 9 * x[2:]]), weights)
    assert together.shape == (4, network.size)
    torch.testing.assert_close(together[0], others[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", OF_ALL_KINDS)
def test_there_is_nothing_to_keep_but_weights(model: str) -> None:
    network = Timm(random_plan(model, (64, 64)), 2)
    assert list(network.state_dict()) == [name for name, _ in network.named_parameters()]


def test_copies_begin_apart_at_random_and_learn_apart() -> None:
    torch.manual_seed(0)
    network = Timm(random_plan(NAME), 2)
    kernels = [p for p in network.parameters() if p.dim() == 5]
    assert kernels
    assert not any(torch.equal(p[0], p[1]) for p in kernels)
    network(pictures(2), of_copies(network, 2)[1]).sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert not parameter.grad[0].any()
    assert any(p.grad is not None and bool(p.grad[1].any()) for p in kernels)


def test_it_begins_as_it_came(came: Path, trained: ImagePlan) -> None:
    """Every copy of it, in training too: the means and spreads that it normalises by stay."""
    network = Timm(trained, 2)
    own = timm_itself().create_model(f"local-dir:{came}", pretrained=True, num_classes=0).eval()
    x = pictures(3)
    with torch.no_grad():
        for training in (True, False):
            for weights in of_copies(network.train(training), 2):
                torch.testing.assert_close(network(x, weights), own(x), rtol=1e-4, atol=1e-5)


def test_what_came_trained_learns_at_its_own_rate(trained: ImagePlan) -> None:
    encoder = Image(trained, 1, Model(width=8))
    names = {f"network.{name}" for name, _ in encoder.network.named_parameters()}
    assert encoder.own_rates() == dict.fromkeys(names, 1e-4)
    assert Image(random_plan(NAME), 1, Model(width=8)).own_rates() == {}


def test_what_is_kept_in_evaluation_is_made_anew_for_each_copy() -> None:
    """LeViT keeps what it made of its learned biases once it evaluates."""
    torch.manual_seed(0)
    network, x = Timm(random_plan("levit_128s", (64, 64)), 2).eval(), pictures(2, (64, 64))
    with torch.no_grad():
        first, other = (network(x, weights) for weights in of_copies(network, 2))
        for name, parameter in network.named_parameters():
            if "attention_biases" in name:
                parameter[0] += torch.randn_like(parameter[0])
        assert not torch.allclose(network(x, of_copies(network, 2)[0]), first, atol=1e-3)
        assert torch.equal(network(x, of_copies(network, 2)[1]), other)


def test_groups_start_as_the_batch_would_have() -> None:
    """Some scales start at 0, so that a block at first does nothing."""
    made = {name: p.detach() for name, p in built(NAME, 3, SIDES, trained=False).named_parameters()}
    for name, parameter in timm_itself().create_model(NAME, num_classes=0).named_parameters():
        if parameter.dim() == 1:
            assert torch.equal(made[name], parameter), name
    assert not made["layer1.0.bn2.weight"].any()


def test_rows_without_a_picture_pass_it_by() -> None:
    torch.manual_seed(0)
    encoder = Image(random_plan(NAME), 1, Model(width=8, dropout=0.0)).eval()
    pixels = torch.randint(0, 256, (1, 3, *SIDES, 3), dtype=torch.uint8)
    present = torch.tensor([[True, False, True]])
    with torch.no_grad():
        found = encoder({"pixels": pixels, "present": present})
        other = torch.where(present.view(1, 3, 1, 1, 1), pixels, 255 - pixels)
        assert torch.equal(found, encoder({"pixels": other, "present": present}))


def test_a_name_that_nobody_knows_and_sides_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"resnet18.*found resnet81"):
        built("resnet81", 3, SIDES, trained=False)
    with pytest.raises(ValueError, match=r"40 . 40|41 . 41"):
        size_of(built("vit_tiny_patch16_224", 3, (48, 48), trained=False), 3, (41, 41))
