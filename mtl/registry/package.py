"""A model as a folder: weights, encodings, spec, golden rows. Nothing in it can execute code when it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.keys import stable_hash
from mtl.errors import DataError, RegistryError
from mtl.files import read_json, replacing, write_json
from mtl.pretrained.rows import with_vectors
from mtl.spec import SEPARATOR, Model, Spec

if TYPE_CHECKING:
    from mtl.network.network import Network

WEIGHTS, SPEC_FILE, GOLDEN, TRAINED_ON = "model.safetensors", "spec.json", "golden.parquet", "trained_on.npy"
PREDICTED = "predicted."
"""Prefix of the golden rows' prediction columns."""
SPREAD = "_spread"
"""Suffix of the column that says how far a prediction's members are apart."""

Predictions = dict[str, Any]


@dataclass(frozen=True)
class Package:
    """A model that can be asked: raw rows in, predictions in the tasks' own units out."""

    model: Model
    encodings: Encodings
    folder: Path

    @cached_property
    def network(self) -> Network:
        """The network with its weights, in evaluation mode."""
        from safetensors.torch import load_file

        from mtl.network.network import build_network

        network = build_network(self.encodings, self.model)
        network.load_state_dict(load_file(self.folder / WEIGHTS))
        return network.eval()

    def predictions(self, frame: pl.DataFrame) -> Predictions:
        """Task -> predictions of the rows of `frame` (raw columns `encodings.names`).

        Regression and count float64 [n] in the task's unit, quantiles float64 [n, levels], binary float64 [n], classes
        float64 [n, classes], tags `Ragged` as `TaskEncoding.tagged` gives them, of the tokens that the model reads.
        Raises DataError if a column is missing.
        """
        return self.predictions_with_spread(frame)[0]

    def predictions_with_spread(self, frame: pl.DataFrame) -> tuple[Predictions, Predictions]:
        """Predictions and, where the model has members, their spread; else the second is empty."""
        from mtl.network.predict import predict_with_spread

        missing = [name for name in self.encodings.names if name not in frame.columns]
        if missing:
            raise DataError(
                "the rows to predict", expected=f"the columns {', '.join(self.encodings.names)}",
                found=f"no {', '.join(missing)}", do="bring every input column; a value may be null",
            )  # fmt: skip
        frame = with_vectors(self.encodings, frame)
        inputs = {name: one.apply(frame) for name, one in self.encodings.inputs.items()}
        return predict_with_spread(self.network, self.encodings, inputs)

    def predict(self, frame: pl.DataFrame) -> pl.DataFrame:
        """One column a number, and for classes the label decided on and a column TASK.LABEL for each probability, for
        quantiles the median and a column TASK.qLEVEL for each. Of tags a list, one for each token that the model reads: of a
        longer row the first `max_tokens` (`TaskEncoding.max_tokens`), since nothing is said of the others.

        A model with members says beside each how sure it is: TASK_spread, the standard deviation over its members of the
        number, of the probability of the positive class, or of the probability of the label decided on; of several labels the
        mean over them. Several labels are one text, `a;b`.
        """
        return table(self.encodings.tasks, *self.predictions_with_spread(frame))

    def golden(self) -> pl.DataFrame:
        """Raw valid rows with the predictions that were made of them when the model was packed."""
        return pl.read_parquet(self.folder / GOLDEN)

    def trained_on(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        """Sorted hashes of the entities it has seen in train or valid; see `entity_hashes`."""
        return np.asarray(np.load(self.folder / TRAINED_ON))


def write_package(
    target: Path, spec: Spec, encodings: Encodings, network: Network, golden: pl.DataFrame, seen: pl.DataFrame
) -> None:
    """Pack a model into the folder `target`; `seen` (entity, key) is what it was trained and chosen on."""
    from safetensors.torch import save_file

    with replacing(target) as partial:
        partial.mkdir()
        save_file({name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}, partial / WEIGHTS)
        write_json(partial / SPEC_FILE, {part: getattr(spec, part).model_dump(mode="json") for part in ("model", "training")})
        encodings.write(partial)
        np.save(partial / TRAINED_ON, np.sort(entity_hashes(seen)))
        package = read_package(partial)
        predicted = package.predict(golden).rename(lambda name: PREDICTED + name)
        golden.hstack(predicted).write_parquet(partial / GOLDEN)


def read_package(folder: Path) -> Package:
    """The model in `folder`. Raises RegistryError if a file of it is missing, or of another version."""
    for file in (WEIGHTS, SPEC_FILE, "encodings.json"):
        if not (folder / file).is_file():
            raise RegistryError(f"{folder}: not a model's folder", expected=f"the file {file}", found="no such file")
    try:
        encodings = Encodings.read(folder)
    except (KeyError, TypeError) as error:
        raise RegistryError(
            f"{folder}: encodings that this version of mtl does not know", expected="a model of this version",
            found=f"{type(error).__name__}: {error}", do="train it anew: mtl run",
        ) from error  # fmt: skip
    return Package(Model.model_validate(read_json(folder / SPEC_FILE)["model"]), encodings, folder)


def entity_hashes(keys: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """uint64 [n] of the columns entity and key."""
    return stable_hash(keys.select(pl.concat_str("entity", "key", separator="\x1e")).to_series(), "trained on")


def table(tasks: Sequence[TaskEncoding], predictions: Predictions, spreads: Predictions | None = None) -> pl.DataFrame:
    """Predictions, and their spread if it is known, as a table; see `Package.predict`."""
    from mtl.evaluation.metrics import decided
    from mtl.evaluation.metrics.quantile import median

    columns: dict[str, Any] = {}
    taken = {task.name for task in tasks}
    for task in tasks:
        values = predictions[task.name]
        if task.kind == "tagging":
            columns[task.name] = task.tags_of(values)
            continue
        spread = spreads[task.name] if spreads else None
        if values.ndim == 1:
            columns[task.name] = pl.Series(values, dtype=pl.Float64)
            columns |= {} if spread is None else {_spread_name(task, taken): pl.Series(spread, dtype=pl.Float64)}
            continue
        if task.kind == "quantile":
            columns |= _quantiles(task, values)
            columns |= {} if spread is None else {_spread_name(task, taken): pl.Series(median(spread, task.levels))}
            continue
        if task.kind == "multilabel":
            columns |= _several(task, values)
            columns |= {} if spread is None else {_spread_name(task, taken): pl.Series(spread.mean(axis=1))}
            continue
        chosen = decided(task.kind, values).astype(np.intp)  # the label that evaluation judges
        columns[task.name] = pl.Series([task.classes[i] for i in chosen], dtype=pl.String)
        columns |= {f"{task.name}.{label}": pl.Series(values[:, c]) for c, label in enumerate(task.classes)}
        columns |= {} if spread is None else {_spread_name(task, taken): pl.Series(spread[np.arange(len(spread)), chosen])}
    return pl.DataFrame(columns)


def _quantiles(task: TaskEncoding, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The median, and a column TASK.qLEVEL for each quantile."""
    from mtl.evaluation.metrics.quantile import median

    of_levels = {f"{task.name}.{part}": pl.Series(values[:, at]) for at, part in enumerate(task.parts)}
    return {task.name: pl.Series(median(values, task.levels)), **of_levels}


def _several(task: TaskEncoding, values: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The labels decided on as one text, and a column TASK.LABEL for each probability."""
    from mtl.evaluation.metrics import decided

    labels = [[task.classes[c] for c in np.flatnonzero(row)] for row in decided(task.kind, values)]
    of_classes = {f"{task.name}.{label}": pl.Series(values[:, c]) for c, label in enumerate(task.classes)}
    return {task.name: pl.Series([SEPARATOR.join(one) for one in labels], dtype=pl.String), **of_classes}


def _spread_name(task: TaskEncoding, taken: set[str]) -> str:
    """TASK_spread; with more underscores where a task is called so."""
    name = task.name + SPREAD
    while name in taken:
        name += "_"
    return name
