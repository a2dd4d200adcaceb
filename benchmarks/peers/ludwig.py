"""Ludwig, the whole job as its documentation has it: a config, `LudwigModel.experiment` on the Parquet file, one epoch."""

from __future__ import annotations

import tempfile

import torch
from ludwig.api import LudwigModel

from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH
from benchmarks.worker import Question, Work


def config(tasks: int) -> dict[str, object]:
    """The same network: numbers, scaled, concatenated, three layers of 256, one head a task; 70 / 10 / 20."""
    return {
        "input_features": [
            {"name": f"x{i}", "type": "number", "preprocessing": {"normalization": "zscore"}} for i in range(FEATURES)
        ],
        "combiner": {"type": "concat", "num_fc_layers": DEPTH, "output_size": WIDTH},
        "output_features": [{"name": f"y{i}", "type": "number"} for i in range(tasks)],
        "preprocessing": {"split": {"type": "random", "probabilities": [0.7, 0.1, 0.2]}},
        "trainer": {"epochs": 1, "batch_size": BATCH, "optimizer": {"type": "adamw"}, "learning_rate": 1e-3},
        "backend": {"type": "local"},
    }


def start(question: Question) -> Work:
    torch.set_num_threads(question["threads"])

    def job() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            model = LudwigModel(config(question["tasks"]))
            scores = model.experiment(dataset=question["table"], output_directory=folder)[0]
        return {name: float(of["root_mean_squared_error"]) for name, of in scores.items() if name != "combined"}

    return job
