"""Tasks: what is predicted, and what it is judged by."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mtl.spec.base import Part, Share, each_once, label_text, texts

METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "f1", "accuracy", "log_loss", "brier", "calibration_error"),
    "multiclass": ("accuracy", "f1", "log_loss", "calibration_error"),
    "ordinal": ("qwk", "accuracy", "f1", "mae", "log_loss"),
    "regression": ("r2", "mae", "rmse", "correlation"),
}
"""Kind of a task -> its metrics, the headline first."""

OF_CLASSES = ("multiclass", "ordinal")
"""Kinds whose prediction is a probability for each of several classes."""

NUMBERS = ("regression",)
"""Kinds whose label is a number."""


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
    """binary, beside `positive`: the value that counts as 0; left out, every other allowed value does."""
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
        return texts(value)

    @field_validator("classes")
    @classmethod
    def _classes_differ(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return value if value is None else each_once("class", value, least=2)

    @field_validator("inputs", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Task:
        if self.kind == "ordinal" and not self.classes:
            raise ValueError("classes beside kind ordinal, in their order, lowest first; found none")
        if self.kind not in OF_CLASSES and self.classes:
            raise ValueError(f"classes go with multiclass and ordinal; found them with {self.kind}")
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
    def headline(self) -> str:
        return self.metric or METRICS[self.kind][0]
