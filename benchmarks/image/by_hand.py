"""The loop that one would write: torch's own modules over pictures in channels-last order, two layers, T heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import convert_conv2d_weight_memory_format

from benchmarks.image.work import BATCH, OPTIONS, WAYS, WIDTH, read_pictures
from benchmarks.worker import Question, Work


class Block(nn.Module):
    """Normalise, activate, convolve, twice; beside it the picture itself."""

    def __init__(self, reads: int, makes: int, halved: bool) -> None:
        super().__init__()
        self.before, self.between = nn.GroupNorm(max(1, reads // 16), reads), nn.GroupNorm(max(1, makes // 16), makes)
        self.first = nn.Conv2d(reads, makes, 3, 2 if halved else 1, 1, bias=False)
        self.second = nn.Conv2d(makes, makes, 3, 1, 1, bias=False)
        self.skip = nn.Conv2d(reads, makes, 1, bias=False) if reads != makes else nn.Identity()
        self.smaller = nn.AvgPool2d(2, ceil_mode=True) if halved else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(functional.silu(self.between(self.first(functional.silu(self.before(x))))))
        found: Tensor = self.skip(self.smaller(x)) + y
        return found


def network() -> nn.Sequential:
    width, stages, blocks, grid = (int(OPTIONS[name]) for name in ("width", "stages", "blocks", "grid"))
    layers: list[nn.Module] = [nn.Conv2d(1, width, 5, 2, 2, bias=False)]
    reads = width
    for stage in range(stages):
        for block in range(blocks):
            makes = width * 2**stage
            layers.append(Block(reads, makes, block == 0 and stage > 0))
            reads = makes
    layers += [nn.GroupNorm(max(1, reads // 16), reads), nn.SiLU(), nn.AdaptiveAvgPool2d(grid), nn.Flatten()]
    layers += [nn.Linear(reads * grid**2, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()]
    return nn.Sequential(*layers)


def moved(x: Tensor, most: int) -> Tensor:
    """Each picture of x [batch, 1, side, side] by so many whole pixels at most, the edge repeated."""
    rows, side = len(x), x.shape[2]
    wider, places = functional.pad(x, (most,) * 4, mode="replicate"), torch.arange(side)
    down, right = torch.randint(0, 2 * most + 1, (2, rows))
    at = (torch.arange(rows)[:, None, None], 0, (down[:, None] + places)[:, :, None], (right[:, None] + places)[:, None])
    return wider[at].unsqueeze(1)


def start(question: Question) -> Work:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    held, most = read_pictures(question["work"]), WAYS[question["way"]]
    pixels, y = torch.from_numpy(held.pixels).permute(0, 3, 1, 2), torch.from_numpy(held.y)
    mean, std = pixels.float().mean(), pixels.float().std()
    trunk = convert_conv2d_weight_memory_format(network(), torch.channels_last)
    heads = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(y.shape[1]))
    optimizer = torch.optim.AdamW([*trunk.parameters(), *heads.parameters()], lr=1e-3, fused=True)

    def epoch() -> None:
        for rows in torch.randperm(len(y)).split(BATCH):
            optimizer.zero_grad()
            x = (pixels[rows].float() - mean) / std
            h = trunk((moved(x, most) if most else x).contiguous(memory_format=torch.channels_last))
            losses = [((head(h).squeeze(1) - y[rows, t]) ** 2).mean() for t, head in enumerate(heads)]
            torch.stack(losses).sum().backward()
            optimizer.step()

    return epoch
