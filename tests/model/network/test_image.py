"""The image encoder: the network it is, what rows, viewers and copies see, and pictures that are changed in training."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.encoders import image as encoder_file
from mtl.network.encoders.image import Image
from mtl.network.input_plans import ImagePlan
from mtl.network.pictures import shaken
from mtl.network.pictures.cnn import Cnn
from mtl.spec import Model
from tests.model.conftest import noted
from tests.model.network import reading
from tests.model.network.conftest import stirred

OPTIONS = {"width": 16, "stages": 2, "blocks": 2, "grid": 2}
STILL = {"flip": 0.0, "shift": 0.0, "rotate": 0.0}
MEAN, STD = (100.0, 120.0, 90.0), (50.0, 60.0, 40.0)


def plan_of(size: tuple[int, int] = (25, 30), augment: Mapping[str, float] = STILL, **options: float) -> ImagePlan:
    chosen = tuple({**OPTIONS, **options}.items())
    return ImagePlan("picture", size, MEAN, STD, "cnn", chosen, tuple(augment.items()))


def image(copies: int = 1, members: int = 1, seed: int = 0, plan: ImagePlan | None = None) -> Image:
    """One that predicts, with every weight away from where it starts."""
    torch.manual_seed(seed)
    encoder = Image(plan or plan_of(), copies, Model(width=8, dropout=0.2, members=members))
    return stirred(encoder, 0.1, None).eval()


def pictures(*shape: int, size: tuple[int, int] = (25, 30), seed: int = 1) -> Tensor:
    """Random pixels [*shape, height, width, channels]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*shape, *size, 3), generator=generator, dtype=torch.uint8)


class Plain(nn.Module):
    """The same network as one would write it with torch's own modules, for one copy; with the layer behind it."""

    def __init__(self, stride: int, sizes: tuple[int, ...], blocks: int, grid: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, sizes[0], 2 * stride + 1, stride, stride, bias=False)
        reads = [sizes[0], *(size for size in sizes for _ in range(blocks))]
        makes = [(size, block == 0 and stage > 0) for stage, size in enumerate(sizes) for block in range(blocks)]
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "before": nn.GroupNorm(max(1, read // 16), read),
                    "first": nn.Conv2d(read, size, 3, 2 if halved else 1, 1, bias=False),
                    "between": nn.GroupNorm(max(1, size // 16), size),
                    "second": nn.Conv2d(size, size, 3, 1, 1, bias=False),
                    "skip": nn.Conv2d(read, size, 1, bias=False) if read != size else nn.Identity(),
                    "smaller": nn.AvgPool2d(2, ceil_mode=True) if halved else nn.Identity(),
                }
            )
            for read, (size, halved) in zip(reads, makes, strict=False)
        )
        self.norm, self.pool = nn.GroupNorm(max(1, sizes[-1] // 16), sizes[-1]), nn.AdaptiveAvgPool2d(grid)
        self.linear = nn.Linear(sizes[-1] * grid**2, width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem((x.permute(0, 3, 1, 2).float() - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1))
        for block in self.blocks:
            assert isinstance(block, nn.ModuleDict)
            y = block["second"](functional.silu(block["between"](block["first"](functional.silu(block["before"](x))))))
            x = block["skip"](block["smaller"](x)) + y
        return functional.silu(self.linear(self.pool(functional.silu(self.norm(x))).flatten(1)))

    def take(self, encoder: Image) -> None:
        """The weights of its one copy."""
        own = {name: parameter[0] for name, parameter in encoder.named_parameters()}
        with torch.no_grad():
            self.stem.weight.copy_(own["network.stem"])
            norms = [self.norm]
            for i, block in enumerate(self.blocks):
                assert isinstance(block, nn.ModuleDict)
                block["first"].weight.copy_(own[f"network.first.{i}"])
                block["second"].weight.copy_(own[f"network.second.{i}"])
                if isinstance(block["skip"], nn.Conv2d):
                    block["skip"].weight.copy_(own[f"network.skip.{i}"])
                norms[-1:-1] = [block["before"], block["between"]]
            for i, norm in enumerate(norms):
                norm.weight.copy_(own[f"network.scale.{i}"])
                norm.bias.copy_(own[f"network.shift.{i}"])
            self.linear.weight.copy_(own["layer.linear.weight"].T)
            self.linear.bias.copy_(own["layer.linear.bias"])


@pytest.mark.parametrize(
    ("size", "stride", "options", "sizes"),
    [
        ((25, 30), 2, {}, (16, 32)),
        ((8, 8), 1, {"stages": 3, "blocks": 1, "grid": 3}, (16, 32, 64)),
        ((36, 36), 2, {"width": 24, "stages": 3, "blocks": 1, "grid": 3}, (24, 48, 96)),
        ((97, 100), 4, {"width": 6, "blocks": 1, "grid": 4}, (6, 12)),
        ((1, 3), 1, {"stages": 1, "blocks": 1, "grid": 2}, (16,)),
    ],
)
def test_it_is_the_network_that_one_would_write(
    size: tuple[int, int], stride: int, options: dict[str, float], sizes: tuple[int, ...]
) -> None:
    """Values and gradients, for sides of any length."""
    chosen = {**OPTIONS, **options}
    encoder, batch = image(plan=plan_of(size, **chosen)), pictures(5, size=size)
    plain = Plain(stride, sizes, int(chosen["blocks"]), int(chosen["grid"]), 8)
    plain.take(encoder)
    found, wanted = encoder({"pixels": batch.unsqueeze(0)})[0, :, 0], plain(batch)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    found.square().sum().backward()
    wanted.square().sum().backward()
    stem = next(encoder.network.parameters()).grad
    assert stem is not None
    assert plain.stem.weight.grad is not None
    torch.testing.assert_close(stem[0], plain.stem.weight.grad, rtol=1e-3, atol=1e-4)


def test_a_picture_does_not_know_the_batch() -> None:
    reading.check_rows_alone(image(), {"pixels": pictures(1, 4)}, (1e-5, 1e-6))


def test_however_many_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, batch = image(), pictures(1, 5)
    with torch.no_grad():
        whole = encoder({"pixels": batch})
        monkeypatch.setattr(encoder_file, "TOGETHER", 2 * 25 * 30)
        torch.testing.assert_close(encoder({"pixels": batch}), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("members", [1, 3])
def test_every_copy_reads_the_same_rows_or_its_own(members: int) -> None:
    """As a network of one copy would that has its slices; each copy has rows of its own without a picture."""
    same, own = pictures(1, 4), pictures(3, 4)
    present = torch.tensor([[True, False, True, True], [False, False, True, True], [False, False, False, False]])
    batches = [{"pixels": same}, {"pixels": own, "present": present}, {"pixels": same, "present": present}]
    reading.check_copies(image(3, members), lambda: image(1, members), batches, members, (1e-5, 1e-6))


def test_a_copy_that_does_not_see_it_does_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, same, seen = image(3), pictures(1, 4), noted(monkeypatch, Cnn, "forward", lambda x, weights: len(x))
    sees = torch.tensor([True, False, True])
    tensors = {"pixels": same, "present": torch.tensor([[True, True, False, True]])}
    hidden = encoder(encoder.hidden_from(sees, tensors))
    assert seen == [3, 3]
    torch.testing.assert_close(hidden[sees], encoder(tensors)[sees], rtol=1e-5, atol=1e-6)
    without = encoder.hidden_from(sees, {"pixels": same})
    assert without["present"].tolist() == [[True] * 4, [False] * 4, [True] * 4]


@pytest.mark.parametrize("members", [1, 3])
def test_one_copy_takes_the_rows_of_many_viewers(members: int) -> None:
    batch = {"pixels": pictures(3, 2), "present": torch.tensor([[True, False], [True, True], [False, False]])}
    reading.check_viewers(image(members=members), batch, members, (1e-5, 1e-6))


def test_one_copys_weights_may_stand_for_many() -> None:
    """As balancing asks for, to tell apart the gradients of tasks with rows of their own."""
    reading.check_stand_in(image(), {"pixels": pictures(3, 2)}, (1e-5, 1e-6), (1e-4, 1e-4))


def test_rows_without_a_picture_are_all_the_same() -> None:
    """Whatever their pixels say, also where the batch has no others; and nothing of them reaches the network."""
    encoder, batch = image(), pictures(1, 4)
    present = torch.tensor([[False, True, False, True]])
    some = encoder({"pixels": batch, "present": present})
    none = encoder({"pixels": batch, "present": torch.zeros(1, 4, dtype=torch.bool)})
    reading.check_empty_rows(encoder, some, none, (0, 0))


@pytest.mark.parametrize(("copies", "members"), [(1, 1), (2, 1), (2, 3)])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_gradient_reaches_every_parameter(copies: int, members: int, precision: torch.dtype) -> None:
    """Of every copy and member; finite, with a row without a picture beside."""
    encoder = image(copies, members, plan=plan_of(augment={"flip": 1.0, "shift": 2.0, "rotate": 10.0})).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        found = encoder({"pixels": pictures(1, 4), "present": torch.tensor([[True, True, False, True]])})
    reading.check_gradients(encoder, found)


def test_pixels_stay_bytes_and_on_disk(tmp_path: Path) -> None:
    """No copy is made of what the aligned set holds; an absent input takes no memory."""
    held = pictures(6).numpy()
    np.save(tmp_path / "pixels.npy", held)
    array = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = Image.tensors(plan_of(), {"pixels": array, "present": np.ones(6, np.bool_)}, 6)
    assert set(made) == {"pixels"}
    assert made["pixels"].dtype == torch.uint8
    assert isinstance(made["pixels"], Tensor)
    assert made["pixels"].data_ptr() == array.__array_interface__["data"][0]
    absent = Image.tensors(plan_of(), None, 1000)
    assert isinstance(absent["pixels"], Tensor)
    assert absent["pixels"].shape == (1000, 25, 30, 3)
    assert absent["pixels"].untyped_storage().nbytes() == 25 * 30 * 3
    some = Image.tensors(plan_of(), {"pixels": array, "present": np.arange(6) < 2}, 6)
    assert isinstance(some["present"], Tensor)
    assert some["present"].tolist() == [True, True, False, False, False, False]


def test_pictures_are_changed_in_training_only() -> None:
    encoder, batch = image(plan=plan_of(augment={"flip": 1.0, "shift": 2.0, "rotate": 0.0})), {"pixels": pictures(1, 6)}
    torch.manual_seed(3)
    assert torch.equal(encoder(batch), encoder(batch))
    assert torch.equal(torch.get_rng_state(), torch.manual_seed(3).get_state())
    encoder.train()
    encoder.layer.dropout = 0.0
    first = encoder(batch)
    assert not torch.allclose(first, encoder(batch))
    torch.manual_seed(3)
    assert torch.equal(first, encoder(batch))


def test_without_augment_nothing_is_drawn() -> None:
    x = torch.randn(3, 1, 5, 7)
    state = torch.get_rng_state()
    assert torch.equal(shaken(x, STILL), x)
    assert torch.equal(torch.get_rng_state(), state)


def test_flips_and_shifts_are_just_these() -> None:
    """Whole pixels to the side, the edge repeated; every one of the places within reach, evenly."""
    x = torch.arange(35.0).view(1, 1, 5, 7).repeat(4000, 1, 1, 1)
    padded = functional.pad(x[:1], (2, 2, 2, 2), mode="replicate")
    places = [padded[0, 0, down : down + 5, right : right + 7] for down in range(5) for right in range(5)]
    known = torch.stack([*places, *(one.flip(1) for one in places)])
    torch.manual_seed(0)
    found = shaken(x, {"flip": 1.0, "shift": 2.0, "rotate": 0.0})[:, 0]
    distance = (found[:, None] - known).abs().amax((2, 3))
    assert float(distance.min(1).values.max()) < 1e-4
    counts = distance.argmin(1).bincount(minlength=50)
    assert int(counts.min()) > 40  # 80 of each are expected
    one_way = shaken(x, {"flip": 0.0, "shift": 2.0, "rotate": 0.0})[:, 0]
    assert int((one_way[:, None] - known).abs().amax((2, 3)).argmin(1).max()) < 25


def test_turning_leaves_the_middle_and_keeps_the_form() -> None:
    """A disc stays a disc, also in a picture that is wider than high; a bar turns by the angle drawn."""
    y, x = torch.meshgrid(torch.arange(21.0) - 10, torch.arange(31.0) - 15, indexing="ij")
    disc = ((x**2 + y**2) < 49).float().repeat(50, 1, 1, 1)
    torch.manual_seed(0)
    turned = shaken(disc, {"flip": 0.0, "shift": 0.0, "rotate": 180.0})
    assert float((turned - disc).abs().mean()) < 0.02
    bar = ((y.abs() < 1.5) & (x.abs() < 9)).float().repeat(200, 1, 1, 1)
    slightly = shaken(bar, {"flip": 0.0, "shift": 0.0, "rotate": 30.0})[:, 0]
    tilt = torch.atan2((slightly * x * y).sum((1, 2)), (slightly * x * x).sum((1, 2))).rad2deg()
    assert float(tilt.abs().max()) < 31
    assert float(tilt.max()) > 20
    assert float(tilt.min()) < -20
