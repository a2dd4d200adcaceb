"""params.yaml as frozen models: which keys there are, what they may hold, what they default to."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Common manner of every part of the spec: frozen, and no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


# ---------------------------------------------------------------- entities and sources


class Split(Part):
    """Which entities train, which choose (valid) and which judge (test).

    Ratios are of entities (or of groups, with `by`). One of `by`, `time`, `column` at most.
    """

    train: Annotated[float, Field(gt=0, le=1)] = 0.7
    valid: Annotated[float, Field(gt=0, lt=1)] = 0.1
    test: Annotated[float, Field(ge=0, lt=1)] | str = 0.2
    """A ratio, or an SQL expression over the entity's columns that is true for test rows."""
    seed: int = 0
    by: str | None = None
    """Column whose groups stay together (a household, a product)."""
    time: str | None = None
    """Column of dates: the oldest train, then valid, the newest test."""
    column: str | None = None
    """Column that holds `train`, `valid` or `test` already."""

    @model_validator(mode="after")
    def _consistent(self) -> Split:
        ways = [w for w in ("by", "time", "column") if getattr(self, w)]
        if len(ways) > 1:
            raise ValueError(f"one of by, time, column at most; found {' and '.join(ways)}")
        if isinstance(self.test, float | int) and abs(self.train + self.valid + self.test - 1) > 1e-6:
            raise ValueError(f"train + valid + test = 1; found {self.train + self.valid + self.test:g}")
        return self


class Entity(Part):
    """What a row is about. Sources of one entity join on its key."""

    key: tuple[str, ...]
    split: Split = Split()

    @field_validator("key", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return _texts(value if isinstance(value, list | tuple) else [value])

    @field_validator("key")
    @classmethod
    def _names_a_column(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _each_once("key column", value, least=1)


class Column(Part):
    """What a column may hold. `numeric` reads bounds, `categorical` reads values."""

    kind: Literal["numeric", "categorical"] = "numeric"
    min: float | None = None
    max: float | None = None
    values: tuple[str, ...] | None = None
    """The only values allowed; any other is quarantined. Left out: any value, learned from train."""
    leak: Literal["stop", "allow"] = "stop"
    """`allow` lets this column through the leak check."""

    @field_validator("values", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return _texts(value)

    @field_validator("values")
    @classmethod
    def _differ(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else _each_once("value", value, least=1)

    @model_validator(mode="after")
    def _bounds(self) -> Column:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ≤ max; found min {self.min:g}, max {self.max:g}")
        return self


class Expectation(Part):
    """A Great Expectations statement by its own name, e.g. {type: expect_column_mean_to_be_between, column: …}."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    type: Annotated[str, Field(pattern=r"^expect_[a-z0-9_]+$")]
    severity: Literal["stop", "warn"] = "warn"

    @property
    def arguments(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Source(Part):
    """One table as it arrives. `path` is the one thing DVC watches of it."""

    path: str
    entity: str = ""
    """Name of the entity; the only one there is, if left out."""
    format: Literal["auto", "csv", "ndjson", "parquet", "sql"] = "auto"
    separator: str | None = None
    """Of a CSV; guessed from the header if left out."""
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("", "NA", "NaN", "nan", "null", "NULL", "None")
    url: str | None = None
    """SQL: database URL; `env:NAME` reads it from the environment so that no password is written here."""
    query: str | None = None
    """SQL: a SELECT; its rows are ordered by the entity's key."""
    watermark: str | None = None
    """SQL: column whose maximum `mtl poll` writes into `path`."""
    columns: dict[str, Column] = {}
    """Contracts of columns that are neither input nor target (parts of derived ones)."""
    derived: dict[str, str] = {}
    """New column -> Polars SQL expression over this source's columns, after its cells were checked."""
    repeats: Literal["error", "latest"] = "error"
    latest_by: str | None = None
    """With `repeats: latest`: the date column that says which row of a key is the latest."""
    max_quarantined: Share = 0.05
    """Largest share of this source's rows, or of one column's labels, that may be quarantined."""
    expectations: tuple[Expectation, ...] = ()

    @field_validator("null_values", mode="before")
    @classmethod
    def _null_texts(cls, value: Any) -> Any:
        return _texts(value)

    @model_validator(mode="after")
    def _sql_is_whole(self) -> Source:
        is_sql = self.format == "sql" or self.query is not None
        if is_sql and not (self.url and self.query):
            raise ValueError("both url and query of an SQL source; found no " + ("query" if self.url else "url"))
        if self.repeats == "latest" and not self.latest_by:
            raise ValueError("latest_by, the date column that decides, beside `repeats: latest`; found none")
        return self

    @property
    def is_sql(self) -> bool:
        return self.query is not None


# ---------------------------------------------------------------- inputs and tasks


class Input(Part):
    """A named group of columns of one source, read by one encoder."""

    source: str
    kind: Literal["tabular"] = "tabular"
    columns: dict[str, Column]
    embedding: int | None = Field(default=None, ge=1)
    """Width of one categorical column's embedding; from its number of values if left out."""

    @field_validator("columns")
    @classmethod
    def _not_empty(cls, value: dict[str, Column]) -> dict[str, Column]:
        if not value:
            raise ValueError("at least one column; found none")
        return value


class ForEach(Part):
    """Makes one task of each value of a column."""

    column: str


class Task(Part):
    """One target: its column, its kind, what it may see, how much it weighs."""

    source: str
    column: str
    kind: Literal["binary", "multiclass", "ordinal", "regression"]
    positive: str | None = None
    """binary: the value that counts as 1; left out, the column holds 0/1 or true/false."""
    negative: str | None = None
    """binary: the value that counts as 0; left out, every other allowed value does."""
    classes: tuple[str, ...] | None = None
    """multiclass, ordinal: the labels; for ordinal in their order, lowest first."""
    min: float | None = None
    max: float | None = None
    unit: str = ""
    inputs: tuple[str, ...] | None = None
    """Names of the inputs it may see; every input of its entity, if left out."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    """λ of `balancing: fixed`."""
    metric: str | None = None
    """Headline metric; by kind if left out (auc, accuracy, qwk, r2)."""
    tolerance: Share | None = None
    """Own tolerance instead of the gate's."""
    for_each: ForEach | None = None
    on_unfit: Literal["stop", "drop"] | None = None

    @field_validator("positive", "negative", mode="before")
    @classmethod
    def _label_text(cls, value: Any) -> Any:
        return value if value is None else label_text(value)

    @field_validator("classes", mode="before")
    @classmethod
    def _classes_text(cls, value: Any) -> Any:
        return _texts(value)

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else _each_once("class", value, least=2)

    @field_validator("inputs", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Task:
        if self.kind == "ordinal" and not self.classes:
            raise ValueError("classes beside kind ordinal, in their order, lowest first; found none")
        if self.kind not in ("multiclass", "ordinal") and self.classes:
            raise ValueError(f"classes go with multiclass and ordinal; found them with {self.kind}")
        if self.positive is not None and self.positive == self.negative:
            raise ValueError(f"positive and negative that differ; found {self.positive!r} for both")
        if self.kind != "binary" and (self.positive is not None or self.negative is not None):
            raise ValueError(f"positive and negative go with binary; found them with {self.kind}")
        if self.kind != "regression" and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max go with regression; found them with {self.kind}")
        if self.inputs is not None and not self.inputs:
            raise ValueError("at least one input that the task may see; found an empty list")
        if self.metric is not None and self.metric not in METRICS[self.kind]:
            raise ValueError(f"metric of a {self.kind} task: one of {', '.join(METRICS[self.kind])}; found {self.metric!r}")
        return self

    @property
    def headline(self) -> str:
        return self.metric or METRICS[self.kind][0]


METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "f1", "accuracy", "log_loss", "brier", "calibration_error"),
    "multiclass": ("accuracy", "f1", "log_loss", "calibration_error"),
    "ordinal": ("qwk", "accuracy", "f1", "mae", "log_loss"),
    "regression": ("r2", "mae", "rmse", "correlation"),
}
"""Kind of a task -> its metrics, the headline first."""


def label_text(value: Any) -> str:
    """A label as the data spell it: YAML's true is `true`, 1.0 is `1`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _texts(value: Any) -> Any:
    """A list of scalars as texts; anything else as it is, for pydantic to refuse."""
    whole = isinstance(value, list | tuple) and all(isinstance(v, str | bool | int | float | date) for v in value)
    return tuple(label_text(v) for v in value) if whole else value


def _each_once(what: str, values: tuple[str, ...], least: int) -> tuple[str, ...]:
    twice = next((v for v in values if values.count(v) > 1), None)
    if twice is not None:
        raise ValueError(f"each {what} once; found {twice!r} twice")
    if len(values) < least:
        raise ValueError(f"at least {least} {what}{'es' if what == 'class' else 's' if least > 1 else ''}; found {len(values)}")
    return values


# ---------------------------------------------------------------- the learning


class Leak(Part):
    """When an input column counts as giving a label away."""

    threshold: Share = 0.98
    """AUC, R² or accuracy gain of one column alone, on train rows."""
    on_leak: Literal["stop", "drop"] = "stop"


class Encoding(Part):
    """How columns become numbers."""

    on_unfit: Literal["stop", "drop"] = "stop"
    """A task with no label in a split, or one class only in train."""
    min_labels: Annotated[int, Field(ge=2)] = 20
    """Train labels a task needs to be fitted."""
    leak: Leak = Leak()
    select: Annotated[int, Field(ge=1)] | None = None
    """Keep this many columns an input, by mutual information with the tasks on train rows."""
    max_categories: Annotated[int, Field(ge=2)] = 1000


class Model(Part):
    """The network."""

    sharing: Literal["shared_bottom", "separate", "hybrid"] = "shared_bottom"
    width: Annotated[int, Field(ge=1)] = 256
    depth: Annotated[int, Field(ge=1)] = 2
    """Hidden layers from input to head, the encoder's own one included."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    fusion: Literal["concat", "mean", "attention"] = "concat"


class Training(Part):
    """The loop."""

    balancing: Literal["equal", "fixed", "uncertainty"] = "equal"
    optimizer: Literal["adamw", "sgd", "full_batch"] = "adamw"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    batch_size: Annotated[int, Field(ge=1)] = 256
    max_epochs: Annotated[int, Field(ge=1)] = 100
    patience: Annotated[int, Field(ge=1)] = 10
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the gradient."""
    seed: int = 0
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of the loop; part of what makes the bytes the same."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto: bf16 autocast on CUDA, float32 on the CPU."""


class Evaluation(Part):
    """What is measured on test."""

    resamples: Annotated[int, Field(ge=100)] = 2000
    """Bootstrap resamples."""
    seed: int = 0
    slices: dict[str, tuple[float, ...] | None] = {}
    """Column -> edges between its bands (numeric), or nothing (each value is a slice)."""
    min_slice: Annotated[int, Field(ge=2)] = 30
    """A slice with fewer labels is left out."""

    @field_validator("slices")
    @classmethod
    def _rising(cls, value: dict[str, tuple[float, ...] | None]) -> dict[str, tuple[float, ...] | None]:
        for column, edges in value.items():
            if edges is not None and (not edges or list(edges) != sorted(set(edges))):
                raise ValueError(f"edges of {column!r} that rise; found {', '.join(f'{e:g}' for e in edges) or 'none'}")
        return value


class Cost(Part):
    """Largest ratio of the shared model's cost to the single-task networks' together."""

    parameters: Annotated[float, Field(gt=0)] | None = None
    predict: Annotated[float, Field(gt=0)] | None = None


class Gate(Part):
    """What a candidate must pass to become champion."""

    no_worse_than: tuple[Literal["single_task", "champion", "trees"], ...] = ("single_task", "champion")
    tolerance: Share = 0.02
    """Share of the loss form (RMSE, 1 − AUC, …) that counts as no loss."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    max_cannot_tell: Share = 1.0
    """Largest share of tasks whose verdict is `cannot tell`."""
    floors: dict[str, float] = {}
    """Task -> least value of its headline metric."""
    max_cost: Cost = Cost()


class Spec(Part):
    """The whole of params.yaml."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")]
    """Name of the registered model."""
    entities: dict[Name, Entity]
    sources: dict[Name, Source]
    inputs: dict[Name, Input]
    tasks: dict[Name, Task]
    encoding: Encoding
    model: Model
    training: Training
    evaluation: Evaluation
    gate: Gate

    def entity_of(self, source: str) -> str:
        """Name of the entity a source's rows are about."""
        return self.sources[source].entity or next(iter(self.entities))

    def sources_of(self, entity: str) -> list[str]:
        return [name for name in self.sources if self.entity_of(name) == entity]

    def inputs_of(self, task: str) -> tuple[str, ...]:
        """Names of the inputs a task may see, in the spec's order."""
        wanted, entity = self.tasks[task].inputs, self.entity_of(self.tasks[task].source)
        of_entity = [name for name, i in self.inputs.items() if self.entity_of(i.source) == entity]
        return tuple(n for n in of_entity if wanted is None or n in wanted)
