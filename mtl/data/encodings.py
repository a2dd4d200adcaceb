"""What was fitted on train: how columns and targets become numbers, and back. JSON on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from mtl.data.codes import FIRST, codes_of
from mtl.data.inputs import INPUTS
from mtl.data.inputs.base import Bools, Floats, InputEncoding
from mtl.data.lists import multi_hot, numbered
from mtl.data.ragged import Ragged
from mtl.data.tags import BEGINS, class_numbers, of_words, span_numbers
from mtl.files import read_json, write_json
from mtl.spec import LISTS, NUMBERS, OF_CLASSES

FILE = "encodings.json"


@dataclass(frozen=True)
class TaskEncoding:
    """One task's target as numbers, and predictions back in its unit."""

    name: str
    of: str
    kind: str
    entity: str
    source: str
    column: str
    inputs: tuple[str, ...]
    metric: str
    unit: str = ""
    weight: float = 1.0
    tolerance: float | None = None
    mean: float = 0.0
    std: float = 1.0
    classes: tuple[str, ...] = ()
    value: str | None = None
    """Of `for_each`: the value this task is for."""
    levels: tuple[float, ...] = ()
    """quantile: the levels, rising."""
    distribution: str = "poisson"
    """count: of its labels, given the inputs."""
    dispersion: float = 1.0
    """count, if poisson: the mean deviance on train of train's own mean; the loss is in units of it."""
    class_weights: tuple[float, ...] = ()
    """What a row of each class counts in the loss; empty where all count the same."""
    focal: float = 0.0
    """γ of the focal loss; 0 is cross-entropy."""
    tags: str = ""
    """tagging: the input whose tokens it tags."""
    spans: bool = False
    """tagging: whether tags are those of spans (`mtl.data.tags`), or each token's own."""
    crf: bool = False
    """tagging: whether a tag's neighbours have a say in it."""
    length: float = 1.0
    """tagging: tokens of a labelled row of train, in the mean."""
    max_tokens: int | None = None
    """tagging: so many tokens of a row are read, their tags learned and predicted; all of its tags are judged."""
    size: int = 0
    """retrieval: numbers that a row becomes."""
    temperature: float = 1.0
    """retrieval: what similarities are divided by."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> TaskEncoding:
        """From its mapping as JSON gives it."""
        held: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
        return cls(**held)

    @property
    def parts(self) -> tuple[str, ...]:
        """What the numbers of one prediction are called; empty where it is one number."""
        if self.kind == "quantile":
            return tuple(f"q{level:g}" for level in self.levels)
        return self.classes if self.kind in OF_CLASSES or self.kind == "multilabel" else ()

    def encode(self, target: pl.Series) -> tuple[Floats, Bools]:
        """float32 [n] (0 where not labelled, and where the label is a list) and the mask of labels, bool [n]."""
        if self.kind in LISTS:
            return np.zeros(len(target), np.float32), self.encode_list(target)[1]
        if self.kind in NUMBERS:
            values = target.cast(pl.Float64).to_numpy()
            labelled = np.isfinite(values)
            return np.where(labelled, (values - self.mean) / self.std, 0.0).astype(np.float32), labelled
        if self.kind == "binary" and not self.classes[0]:  # every other value counts as negative
            text = target.cast(pl.String)
            return (text == self.classes[1]).fill_null(False).to_numpy().astype(np.float32), text.is_not_null().to_numpy()
        classes = codes_of(target.cast(pl.String), self.classes) - FIRST
        return np.maximum(classes, 0).astype(np.float32), classes >= 0

    def encode_list(self, target: pl.Series) -> tuple[Ragged, Bools]:
        """Of a kind whose label is a list: each row's numbers int32, from 1 (0 is padding; none where not labelled), and the
        mask of labels, bool [n]."""
        if self.kind == "tagging":
            return numbered(target, self.classes)
        return numbered(target.list.unique(maintain_order=True), self.classes)

    def learned(self, lists: Ragged) -> Ragged:
        """What is learned of `encode_list`'s rows: of tagging the tags of the tokens that are read."""
        return lists if self.max_tokens is None else lists.head(self.max_tokens)

    def truth(self, lists: Ragged) -> Any:
        """What `encode_list` gave, as the metrics of the kind read it: float64 [n, classes], 1 where the label holds it; of
        tagging as `tagged` gives it."""
        if self.kind == "tagging":
            return self.tagged(lists.values, lists.lengths)
        return multi_hot(lists, len(self.classes)).astype(np.float64)

    def original(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Scaled values [n] in the task's own unit; class numbers and probabilities, which nothing scales, as they are."""
        return np.asarray(values, np.float64) * self.std + self.mean

    def tagged(self, values: np.ndarray[Any, Any], lengths: np.ndarray[Any, Any]) -> Ragged:
        """tagging: class numbers from 1 [token], so many a row, as rows that tell what is a span (`mtl.data.tags.span_numbers`)."""
        return Ragged.of_lengths(span_numbers(np.asarray(values, np.int64), self.spans), np.asarray(lengths, np.int64))

    @property
    def types(self) -> tuple[str, ...]:
        """tagging: what spans are of, in the order of their numbers; the tags, where these are no spans."""
        return tuple(tag[len(BEGINS) :] for tag in self.classes[1::2]) if self.spans else self.classes

    def tags_of(self, rows: Ragged) -> pl.Series:
        """tagging: rows as `tagged` gives them, as lists of tags."""
        names, numbers = pl.Series(self.classes, dtype=pl.String), class_numbers(rows.values, self.spans)
        return of_words(names.gather(numbers - 1), rows.offsets)

    def difference(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Differences of scaled values [n] in the task's own unit; those of probabilities as they are."""
        return np.asarray(values, np.float64) * self.std


@dataclass(frozen=True)
class Encodings:
    """All inputs and all tasks, as they were fitted on train. From here on, THE list of tasks."""

    inputs: dict[str, InputEncoding]
    tasks: tuple[TaskEncoding, ...]
    dropped_tasks: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FILE, self.as_dict())
        for one in self.inputs.values():
            one.write_files(folder)

    def as_dict(self) -> dict[str, Any]:
        """What `parse` reads."""
        inputs = {name: {"kind": one.kind, **one.as_dict()} for name, one in self.inputs.items()}
        return {"inputs": inputs, "tasks": [asdict(task) for task in self.tasks], "dropped_tasks": self.dropped_tasks}

    @classmethod
    def read(cls, folder: Path) -> Encodings:
        found = cls.parse(read_json(folder / FILE))
        return replace(found, inputs={name: one.with_files(folder) for name, one in found.inputs.items()})

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Encodings:
        """From the mapping that `write` wrote."""
        inputs = {name: _input(one) for name, one in data["inputs"].items()}
        tasks = tuple(TaskEncoding.parse(task) for task in data["tasks"])
        return cls(inputs, tasks, dict(data["dropped_tasks"]))

    @property
    def packages(self) -> tuple[str, ...]:
        """What must be installed, beside what always is, for a model that reads all inputs."""
        return tuple(dict.fromkeys(package for one in self.inputs.values() for package in one.packages))

    @property
    def types(self) -> dict[str, pl.DataType]:
        """Raw columns that a model reads, over all inputs -> what their cells are."""
        return {name: dtype for one in self.inputs.values() for name, dtype in one.types.items()}

    @property
    def names(self) -> list[str]:
        """Columns of the frame that `apply` of the inputs reads."""
        return list(self.types)


def _input(data: Mapping[str, Any]) -> InputEncoding:
    plain = {key: value for key, value in data.items() if key != "kind"}
    if "entity" in plain:  # of a model that was registered when every input had one source
        plain["sources"] = {plain.pop("entity"): plain.pop("source")}
    return INPUTS[data["kind"]].parse(plain)
