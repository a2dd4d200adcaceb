"""One epoch of T networks by mtl's loop: together (`separate`), or one after the other, each a run of its own.

`serial`: one after the other. `stopped`: this many of the tasks have stopped and left, as they do when patience ends.
`products`: only the products of matrices that these networks cannot do without, each by itself: the floor.
"""

from __future__ import annotations

from itertools import pairwise

import torch

from benchmarks.speed.ours import aligned, plan
from benchmarks.work import DEPTH, FEATURES, Arrays, read_arrays
from benchmarks.worker import Question, Work
from mtl.spec import Model, Training
from mtl.training.batches import Store
from mtl.training.devices import settings
from mtl.training.loop import train_epoch, train_steps
from mtl.training.run import Run


def epoch_of(arrays: Arrays, model: Model, training: Training, stopped: int = 0) -> Work:
    """One epoch of a `separate` run of these tasks, after the first `stopped` of them have left."""
    cpu, tasks = torch.device("cpu"), arrays.y.shape[1]
    run = Run.start(plan(tasks), model, training, "separate", cpu)
    store = Store.of(run.plan, aligned(arrays), cpu)
    if stopped:
        going = list(range(stopped, tasks))
        run.put(run.network.only(going), going)
        store = store.only(going)
    count = train_steps(run.network, store, training.optimizer, training.batch_size)

    def epoch() -> None:
        run.epoch += 1
        train_epoch(run, store, count)

    return epoch


def products_of(rows: int, tasks: int, width: int, batch: int) -> Work:
    """Forward, and backward to weights and inputs (not to the first layer's), of every hidden layer, for an epoch of each task."""
    sizes = [FEATURES, *[width] * DEPTH]
    layers = [(torch.randn(batch, a), torch.randn(b, a), torch.randn(batch, b)) for a, b in pairwise(sizes)]

    def epoch() -> None:
        for _ in range(tasks * (rows // batch)):
            for number, (inputs, weights, gradient) in enumerate(layers):
                inputs @ weights.T
                gradient.T @ inputs
                if number:
                    gradient @ weights

    return epoch


def start(question: Question) -> Work:
    arrays = read_arrays(question["work"])
    model = Model(width=question["width"], depth=DEPTH, dropout=0)
    training = Training(batch_size=question["batch_size"], device="cpu", threads=question["threads"], relatedness=None)
    context = settings(training)
    context.__enter__()  # for as long as this process lives
    if question.get("products"):
        return products_of(*arrays.y.shape, model.width, training.batch_size)
    if not question.get("serial"):
        return epoch_of(arrays, model, training, question.get("stopped", 0))
    alone = [
        epoch_of(Arrays(arrays.x, arrays.y[:, [t]], arrays.labelled[:, [t]]), model, training) for t in range(arrays.y.shape[1])
    ]

    def one_by_one() -> None:
        for epoch in alone:
            epoch()

    return one_by_one
