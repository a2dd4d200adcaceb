"""The whole job by mtl's own stages, in one process: ingest, validate, split, encode, align, train, then scores on test.

All that `mtl run` does of the model itself: every row is checked against its contract, what is bad would be set aside
with the reason, the columns are searched for leaks, every stage writes its files, the model is packed and read back. Not
in it: the rivals (`baseline`, `trees`), the gate and the registry, which peers do not have. With `rivals` they are:
baseline, trees, and the paired evaluation with its intervals.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.work import BATCH, DEPTH, FEATURES, WIDTH
from benchmarks.worker import Question, Work, cpu_seconds
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.evaluation.scoring import chosen
from mtl.layout import ALIGNED, CANDIDATE, ENCODINGS
from mtl.network.predict import predict
from mtl.registry.package import read_package
from mtl.stages import align, baseline, encode, evaluate, ingest, split, train, trees, validate


def spec(tasks: int) -> dict[str, object]:
    """params.yaml of the job (JSON is YAML)."""
    columns = {f"x{i}": {"kind": "numeric"} for i in range(FEATURES)}
    return {
        "name": "job",
        "entities": {"row": {"key": "id", "split": {"train": 0.7, "valid": 0.1, "test": 0.2, "seed": 7}}},
        "sources": {"table": {"path": "data/raw/table.parquet"}},
        "inputs": {"x": {"source": "table", "kind": "tabular", "columns": columns}},
        "tasks": {f"y{i}": {"source": "table", "column": f"y{i}", "kind": "regression"} for i in range(tasks)},
        "model": {"width": WIDTH, "depth": DEPTH, "dropout": 0},
        "training": {"batch_size": BATCH, "max_epochs": 1, "device": "cpu"},
        "encoding": {},
        "evaluation": {},
        "gate": {},
    }


def score() -> dict[str, float]:
    """RMSE of each task on test, from the packed model."""
    encodings, test = Encodings.read(ENCODINGS), AlignedSet.read(ALIGNED / "test")
    predictions = {"model": predict(read_package(CANDIDATE).network, encodings, test.inputs)}
    truth, labelled = test.truth(encodings.tasks), test.labels(encodings.tasks)
    points = {task.name: chosen(task, truth, labelled, predictions).points["model"] for task in encodings.tasks}
    return {name: float(of["rmse"].value or 0) for name, of in points.items()}


LATE = (
    "great_expectations", "pandas", "pandera.backends.polars.builtin_checks", "sklearn.metrics", "torch._dynamo",
    "mtl.registry.package",
)  # fmt: skip
"""What the stages import only when they need it: in the start here, as the peers' imports are."""


def start(question: Question) -> Work:
    for name in LATE:
        importlib.import_module(name)
    rivals: dict[str, Callable[[], object]] = {"baseline": baseline.run, "trees": trees.run, "evaluate": evaluate.run}
    steps: dict[str, Callable[[], object]] = {
        "ingest": lambda: ingest.run("table"), "validate": lambda: validate.run("table"), "split": split.run,
        "encode": encode.run, "align": align.run, "train": train.run, "score": score,
        **(rivals if question.get("rivals") else {}),
    }  # fmt: skip

    def job() -> dict[str, object]:
        said: dict[str, object] = {}
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            Path("data/raw").mkdir(parents=True)
            shutil.copy(question["table"], "data/raw/table.parquet")
            Path("params.yaml").write_text(json.dumps(spec(question["tasks"])))
            for name, step in steps.items():
                cpu, wall = cpu_seconds(), time.perf_counter()
                done = step()
                said[name] = round(cpu_seconds() - cpu, 3), round(time.perf_counter() - wall, 3)
                if name == "score":
                    said["rmse"] = done
            os.chdir("/")
        return said

    return job
