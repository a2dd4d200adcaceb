"""Seconds of mtl's training loop over those of a loop written by hand, on the same work.

    python benchmarks/training_loop.py [--tasks 4] [--rows 100000] [--rounds 9]

Both train the same shared-bottom MLP (3 × 256, SiLU, one regression head a task) on the same rows with AdamW, batch
1024, one thread. The hand-written loop slices tensors, has T separate heads and adds T losses. Epochs alternate (A B, B A,
…), each pair gives one ratio, the median is reported: what slows the machine slows both. CPU time, not wall-clock.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from mtl.network.plan import InputPlan, Plan, TaskPlan
from mtl.spec.schema import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.run import Run

FEATURES, WIDTH, DEPTH, BATCH = 64, 256, 3, 1024


@dataclass
class Table:
    """Rows as the aligned set has them."""

    inputs: dict[str, dict[str, np.ndarray]]
    targets: np.ndarray
    labelled: np.ndarray


def table(rows: int, tasks: int) -> Table:
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, FEATURES)).astype(np.float32)
    y = (x @ random.normal(size=(FEATURES, tasks)) / np.sqrt(FEATURES)).astype(np.float32)
    arrays = {"numeric": x, "missing": np.zeros(x.shape, bool), "categorical": np.zeros((rows, 0), np.int32)}
    return Table({"x": {**arrays, "present": np.ones(rows, bool)}}, y, random.random(y.shape) < 0.8)


def ours(data: Table, tasks: int) -> Callable[[], None]:
    """One epoch of mtl's loop."""
    plan = Plan(
        (InputPlan("x", "tabular", FEATURES),),
        tuple(TaskPlan(f"t{i}", "regression", 1, frozenset({"x"})) for i in range(tasks)),
        (("regression", 1),),
    )
    training = Training(batch_size=BATCH, device="cpu")
    run = Run.start(plan, Model(width=WIDTH, depth=DEPTH, dropout=0), training, "shared_bottom", torch.device("cpu"))
    store = Store.of(plan, data, torch.device("cpu"))
    count = train_steps(run.network, store, training.optimizer, BATCH)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)

    return epoch


def by_hand(data: Table, tasks: int) -> Callable[[], None]:
    """One epoch of the loop that one would write for this very network."""
    sizes = [FEATURES, *[WIDTH] * DEPTH]
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.SiLU())]
    trunk, heads = nn.Sequential(*layers), nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(tasks))
    optimizer = torch.optim.AdamW([*trunk.parameters(), *heads.parameters()], lr=1e-3, fused=True)
    x, y = torch.from_numpy(data.inputs["x"]["numeric"]), torch.from_numpy(data.targets)
    mask = torch.from_numpy(data.labelled).float()

    def loss(h: Tensor, y_b: Tensor, mask_b: Tensor) -> Tensor:
        each = [((head(h).squeeze(1) - y_b[:, t]) ** 2 * mask_b[:, t]).sum() for t, head in enumerate(heads)]
        return torch.stack([total / mask_b[:, t].sum().clamp(min=1) for t, total in enumerate(each)]).sum()

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(trunk(x[rows]), y[rows], mask[rows]).backward()
            optimizer.step()

    return epoch


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("tasks", 4), ("rows", 100_000), ("rounds", 9)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    data = table(asked.rows, asked.tasks)
    with settings(Training(threads=1, device="cpu")):
        mine, hand = ours(data, asked.tasks), by_hand(data, asked.tasks)
        mine(), hand()
        ratios = []
        for i in range(asked.rounds):
            a, b = (seconds(mine), seconds(hand)) if i % 2 else tuple(reversed((seconds(hand), seconds(mine))))
            ratios.append(a / b)
            print(f"mtl {a:.2f} s   by hand {b:.2f} s   ratio {a / b:.3f}", flush=True)
    print(f"T = {asked.tasks}: median ratio {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
