"""The whole job with LibMTL: pyarrow reads, NumPy splits and scales by hand, then its Trainer as documented.

LibMTL begins at the DataLoader; what comes before is what a careful user writes. No label is missing here.
"""

from __future__ import annotations

import numpy as np
import pyarrow.parquet
import torch
import torch._dynamo  # torch's optimizers import it at their first step: an import, not the job
from torch.utils.data import DataLoader

from benchmarks.peers.libmtl import Rows, make_trainer
from benchmarks.work import BATCH, FEATURES
from benchmarks.worker import Question, Work


def start(question: Question) -> Work:
    torch.set_num_threads(question["threads"])
    torch.manual_seed(0)
    tasks = question["tasks"]

    def job() -> dict[str, float]:
        table = pyarrow.parquet.read_table(question["table"])
        x = np.stack([table[f"x{i}"].to_numpy() for i in range(FEATURES)], 1)
        y = np.stack([table[f"y{i}"].to_numpy() for i in range(tasks)], 1)
        order = np.random.default_rng(0).permutation(len(x))
        train, valid, test = np.split(order, [int(0.7 * len(x)), int(0.8 * len(x))])
        x = ((x - x[train].mean(0)) / x[train].std(0)).astype(np.float32)
        mean, std = y[train].mean(0), y[train].std(0)
        y = ((y - mean) / std).astype(np.float32)
        loaders = [DataLoader(Rows(x[rows], y[rows]), batch_size=BATCH, shuffle=rows is train) for rows in (train, valid, test)]
        trainer = make_trainer("EW", tasks)
        trainer.train(loaders[0], loaders[2], 1, val_dataloaders=loaders[1])
        found = trainer.meter.best_result["result"]
        return {f"y{t}": float(found[f"t{t}"][0] * std[t]) for t in range(tasks)}

    return job
