"""Tasks: what is predicted, and what it is judged by."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mtl.spec.base import Part, Share, each_once, label_text, texts
from mtl.spec.losses import LEVELS, check_levels, check_loss, weights_by_label
from mtl.spec.tagging import OF_TOKENS, SPANS, Scheme, check_tagging

METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "f1", "accuracy", "log_loss", "brier", "calibration_error"),
    "multiclass": ("accuracy", "f1", "log_loss", "calibration_error"),
    "ordinal": ("qwk", "accuracy", "f1", "mae", "log_loss"),
    "regression": ("r2", "mae", "rmse", "correlation"),
    "count": ("d2", "mae", "rmse", "deviance"),
    "quantile": ("pinball", "mae", "rmse", "r2", "coverage_error"),
    "tagging": ("span_f1", "span_precision", "span_recall", "accuracy", "row_accuracy"),
    "multilabel": ("map", "f1_micro", "f1_macro", "accuracy", "log_loss"),
    "retrieval": ("recall_at_10", "recall_at_1", "mrr"),
}
"""Kind of a task -> its metrics, the headline first."""

OF_CLASSES = ("multiclass", "ordinal", "retrieval")
"""Kinds whose prediction is a probability for each of several classes."""

NUMBERS = ("regression", "count", "quantile")
"""Kinds whose label is a number."""

LISTS = ("multilabel", "tagging")
"""Kinds whose label is a list, of any length."""

NAMED = ("multiclass", "ordinal", "multilabel", "tagging")
"""Kinds whose classes the spec may name."""

SIZE, TEMPERATURE = 64, 0.1
"""Of a retrieval task that says nothing else."""

SEPARATOR = ";"
"""What stands between labels in a text, unless the spec says otherwise."""


class ForEach(Part):
    """Makes one task of each value of a column."""

    column: str


class Task(Part):
    """One target: its column, its kind, what it may see, how much it weighs."""

    source: str
    column: str
    kind: Literal["binary", "multiclass", "ordinal", "regression", "count", "quantile", "multilabel", "retrieval", "tagging"]
    positive: str | None = None
    """binary: the value that counts as 1; left out, the column holds 0/1 or true/false."""
    negative: str | None = None
    """binary, beside `positive`: the value that counts as 0; left out, every other allowed value does."""
    classes: tuple[str, ...] | None = None
    """multiclass, ordinal, multilabel, tagging: the labels; for ordinal in their order, lowest first."""
    separator: Annotated[str, Field(min_length=1)] | None = None
    """multilabel: what stands between labels where a cell is a text; `;` if left out."""
    size: Annotated[int, Field(ge=2)] | None = None
    """retrieval: numbers that a row becomes; SIZE if left out."""
    temperature: Annotated[float, Field(gt=0)] | None = None
    """retrieval: what similarities are divided by; TEMPERATURE if left out."""
    scheme: Scheme | None = None
    """tagging: how tags say where spans are. bio: O, B-TYPE, I-TYPE; iob1: a span begins with I-TYPE; none: each token has a tag of
    its own. It must be written."""
    crf: bool | None = None
    """tagging: whether a tag's neighbours have a say in it, by a linear chain; CRF if left out."""
    min: float | None = None
    max: float | None = None
    unit: str = ""
    levels: tuple[float, ...] | None = None
    """quantile: rising, the median among them; 0.05, 0.5 and 0.95 if left out."""
    distribution: Literal["poisson", "negative_binomial"] | None = None
    """count: of the labels of rows that are alike; poisson if left out."""
    class_weights: Literal["balanced"] | dict[str, float] | None = None
    """binary, multiclass, ordinal: what a row counts in the loss, by its label (1 where nothing is said); balanced: as much as
    makes every class weigh the same on train."""
    focal: Annotated[float, Field(gt=0)] | None = None
    """binary, multiclass: γ of the focal loss, by which rows that are easy count less."""
    inputs: tuple[str, ...] | None = None
    """Names of the inputs it may see; every input of its entity, if left out."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    """λ of `balancing: fixed`."""
    metric: str | None = None
    """Headline metric; the first of its kind in METRICS if left out."""
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
        return texts(value)

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else each_once("class", value, least=2)

    @field_validator("inputs", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("levels")
    @classmethod
    def _levels_rise(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None:
            check_levels(value)
        return value

    @field_validator("class_weights", mode="before")
    @classmethod
    def _by_label(cls, value: Any) -> Any:
        return weights_by_label(value)

    @model_validator(mode="after")
    def _fits_its_loss(self) -> Task:
        check_loss(self)
        return self

    @model_validator(mode="after")
    def _fits_its_tags(self) -> Task:
        check_tagging(self)
        return self

    @model_validator(mode="after")
    def _fits_lists_and_points(self) -> Task:
        if self.kind not in LISTS and self.separator is not None:
            raise ValueError(f"separator goes with {', '.join(LISTS)}; found it with {self.kind}")
        if self.kind != "retrieval" and (self.size is not None or self.temperature is not None):
            raise ValueError(f"size and temperature go with retrieval; found them with {self.kind}")
        return self

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Task:
        if self.kind == "ordinal" and not self.classes:
            raise ValueError("classes beside kind ordinal, in their order, lowest first; found none")
        if self.kind not in NAMED and self.classes:
            raise ValueError(f"classes go with {', '.join(NAMED)}; found them with {self.kind}")
        if self.negative is not None and self.positive is None and self.kind == "binary":
            raise ValueError(f"positive, the value that counts as 1, beside negative; found negative {self.negative!r} alone")
        if self.for_each is not None and self.for_each.column == self.column:
            raise ValueError(f"a column other than the target's under for_each; found {self.column!r} for both")
        if self.positive is not None and self.positive == self.negative:
            raise ValueError(f"positive and negative that differ; found {self.positive!r} for both")
        if self.kind != "binary" and (self.positive is not None or self.negative is not None):
            raise ValueError(f"positive and negative go with binary; found them with {self.kind}")
        if self.kind not in NUMBERS and (self.min is not None or self.max is not None):
            raise ValueError(f"min and max go with {', '.join(NUMBERS)}; found them with {self.kind}")
        if self.inputs is not None and not self.inputs:
            raise ValueError("at least one input that the task may see; found an empty list")
        if self.metric is not None and self.metric not in METRICS[self.kind]:
            raise ValueError(f"metric of a {self.kind} task: one of {', '.join(METRICS[self.kind])}; found {self.metric!r}")
        return self

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The levels of a quantile task."""
        return (self.levels or LEVELS) if self.kind == "quantile" else ()

    @property
    def points(self) -> tuple[int, float]:
        """Of a retrieval task how many numbers a row becomes, and what similarities are divided by; (0, 1) of any other."""
        return (self.size or SIZE, self.temperature or TEMPERATURE) if self.kind == "retrieval" else (0, 1.0)

    @property
    def spans(self) -> bool:
        """Whether it is a tagging task whose tags are those of spans."""
        return self.scheme in SPANS

    @property
    def headline(self) -> str:
        return self.metric or metrics_of(self.kind, self.spans)[0]


def metrics_of(kind: str, spans: bool) -> tuple[str, ...]:
    """The metrics that say something of a task, the headline first; `spans`: whether tags are those of spans."""
    return OF_TOKENS if kind == "tagging" and not spans else METRICS[kind]
