"""torch-rechub, as its multi-task tutorial feeds it: SharedBottom, DataGenerator, `MTLTrainer.train_one_epoch`.

Every label counts here: it has no way to leave one out. Its MLP has a batch normalisation that cannot be turned off.
"""

from __future__ import annotations

import torch
from torch_rechub.basic.features import DenseFeature
from torch_rechub.models.multi_task import SharedBottom
from torch_rechub.trainers import MTLTrainer
from torch_rechub.utils.data import DataGenerator

from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH, read_arrays
from benchmarks.worker import Question, Work


def start(question: Question) -> Work:
    torch.set_num_threads(question["threads"])
    torch.manual_seed(0)
    arrays = read_arrays(question["work"])
    tasks = arrays.y.shape[1]
    kinds = ["regression"] * tasks
    towers = [{"dims": [], "activation": "relu", "dropout": 0}] * tasks
    model = SharedBottom([DenseFeature(f"x{i}") for i in range(FEATURES)], kinds, {"dims": [WIDTH] * DEPTH}, towers)
    trainer = MTLTrainer(model, task_types=kinds, n_epoch=1)
    x = {f"x{i}": arrays.x[:, i] for i in range(FEATURES)}
    little = {name: column[:64] for name, column in x.items()}
    data = DataGenerator(x, arrays.y)
    train = data.generate_dataloader(x_val=little, y_val=arrays.y[:64], x_test=little, y_test=arrays.y[:64], batch_size=BATCH)[0]

    def epoch() -> None:
        trainer.train_one_epoch(train)

    return epoch
