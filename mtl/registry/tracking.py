"""The MLflow run of a candidate: parameters, learning curves, metrics of each task, and the files behind them."""

from __future__ import annotations

import csv
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from mtl.layout import DVC_LOCK, ENCODING_REPORT, EVALUATION, METRICS, PLOTS, TRAINING
from mtl.registry.store import Store
from mtl.spec import SPEC, Spec

MOST_POINTS = 20_000
"""Points of learning curves in a run; with more (139 tasks) every n-th epoch is kept."""
BATCH_PARAMS, BATCH_METRICS = 100, 1000
LONGEST_KEY, LONGEST_VALUE = 250, 500
"""MLflow's limits (3.17: 250; 6,000, older servers 500)."""
FILES = (METRICS, EVALUATION, ENCODING_REPORT, Path(SPEC), DVC_LOCK)
OF_TASK = ("single_task", "trees", "diff", "delta_pct", "n_test")


def log_run(store: Store, run: str, root: Path, spec: Spec, metrics: Mapping[str, Any]) -> None:
    """Everything about the candidate into the MLflow run with id `run`."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    params = [Param(key, value) for key, value in spec_params(spec).items()]
    values = [Metric(key, value, now, 0) for key, value in task_metrics(metrics).items()]
    curves = [Metric(key, value, now, step) for key, value, step in learning_curves(root / TRAINING)]
    for some in _batches(params, BATCH_PARAMS):
        store.client.log_batch(run, params=some)
    for some in _batches([*values, *curves], BATCH_METRICS):
        store.client.log_batch(run, metrics=some)
    for file in FILES:
        if (root / file).is_file():
            store.client.log_artifact(run, str(root / file))
    if (root / PLOTS).is_dir():
        store.client.log_artifacts(run, str(root / PLOTS), "plots")


def spec_params(spec: Spec) -> dict[str, str]:
    """The spec as flat parameters: `training.lr` -> `0.001`. Columns are told as their number."""
    parts = spec.model_dump(mode="json", include={"model", "training", "encoding", "evaluation", "gate"})
    said = spec.model_dump(mode="json", include={"entities", "sources", "inputs", "tasks"}, exclude_defaults=True)
    for one in said["inputs"].values():
        if "columns" in one:
            one["columns"] = len(one["columns"])
    for one in said["sources"].values():
        one.pop("url", None)  # may hold a password
    flat = dict(_flat({"name": spec.name, **parts, **said}))
    return {key[:LONGEST_KEY]: value[:LONGEST_VALUE] for key, value in named(flat).items()}


def task_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """`asthma/auc`, `asthma/single_task`, …, `delta_m` of reports/metrics.json; what is undefined is left out."""
    found = {key: value for key, value in metrics.items() if key != "tasks"}
    for task, one in (metrics.get("tasks") or {}).items():
        found[f"{task}/{one.get('metric', 'value')}"] = one.get("value")
        found |= {f"{task}/{key}": one.get(key) for key in OF_TASK}
    return {key[:LONGEST_KEY]: float(value) for key, value in named(found).items() if _is_number(value)}


def learning_curves(folder: Path) -> list[tuple[str, float, int]]:
    """(`candidate/asthma/train_loss`, value, epoch) of every reports/training/*/history.csv."""
    points: list[tuple[str, float, int]] = []
    for file in sorted(folder.glob("*/history.csv")):
        points += _points(file)
    every = math.ceil(len(points) / MOST_POINTS) if points else 1
    names = _names(dict.fromkeys(key for key, _, _ in points))
    return [(names[key][:LONGEST_KEY], value, step) for key, value, step in points if step % every == 0]


def _points(file: Path) -> Iterator[tuple[str, float, int]]:
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for loss in ("train_loss", "valid_loss"):
                value = float(row.get(loss) or "nan")
                if math.isfinite(value):
                    yield f"{file.parent.name}/{row['task']}/{loss}", value, int(row["epoch"])


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and not any(isinstance(one, Mapping) for one in value):
        yield key, ", ".join(str(one) for one in value)
    else:
        yield key, str(value)


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    names = _names(values)
    return {names[key]: value for key, value in values.items()}


def _part(text: str) -> str:
    """One step of a name that MLflow may take for a path: its letters only, and never `.` or `..`."""
    plain = re.sub(r"[^\w\-. :]", "_", text)
    return plain if plain.strip(".") else "_" * max(1, len(plain))


def _names(keys: Mapping[str, Any]) -> dict[str, str]:
    """Each key as MLflow can take it (letters, digits, _ - . : / and blanks), all different."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        plain = "/".join(_part(part) for part in key.split("/"))
        name, n = plain, 2
        while name in taken:
            name, n = f"{plain}_{n}", n + 1
        names[key] = name
        taken.add(name)
    return names


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
