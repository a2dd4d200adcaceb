"""Encoding, model, training, evaluation and gate, each with defaults that work."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from mtl.spec.base import Part, Share, each_once
from mtl.spec.options import BALANCING_OPTIONS, SHARING_OPTIONS, check_options, options_of
from mtl.spec.transfer import Distillation, Regularizers


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
    bins: Annotated[int, Field(ge=2)] | None = None
    """Bins of a numeric column for piecewise-linear embeddings; none: a number stays one number."""


class Auto(Part):
    """What `sharing: auto` may spend on finding out who shares with whom."""

    budget: Annotated[int, Field(ge=2)] = 16
    """Trainings at most, over all alternatives. A count and no time, so that the decision is the same everywhere."""
    folds: Annotated[int, Field(ge=1)] = 4
    """Parts of train; alternatives are judged on one of them at a time, which the networks judged have not seen."""
    also: tuple[str, ...] = ()
    """Other sharings to try, all tasks together."""
    members: Annotated[int, Field(ge=1)] = 4
    """Members of a network on trial at most: fewer than the model's own stand for it in a part of the time."""


class Model(Part):
    """The network."""

    sharing: Literal[
        "auto", "shared_bottom", "separate", "hybrid", "cross_stitch", "task_conditioned", "message_passing",
        "mmoe", "cgc", "ple", "dselect_k",
    ] = "shared_bottom"  # fmt: skip
    options: dict[str, float] = {}
    """Options of this sharing, by name."""
    groups: tuple[tuple[str, ...], ...] | None = None
    """Of shared_bottom: tasks that share a trunk; those that are not named share one more. None: all share one."""
    auto: Auto = Auto()
    width: Annotated[int, Field(ge=1)] = 256
    depth: Annotated[int, Field(ge=1)] = 2
    """Hidden layers from input to head, the encoder's own one included."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    fusion: Literal["concat", "mean", "attention"] = "concat"
    members: Annotated[int, Field(ge=1)] = 1
    """Members of the implicit ensemble (TabM); 1: none."""
    bin_width: Annotated[int, Field(ge=1)] = 12
    """Numbers a numeric column becomes where encoding.bins is set."""

    @model_validator(mode="after")
    def _known_options(self) -> Model:
        check_options(self.sharing, self.options, SHARING_OPTIONS)
        return self

    @model_validator(mode="after")
    def _options_fit_each_other(self) -> Model:
        levels = options_of("ple", self.options if self.sharing == "ple" else {}, SHARING_OPTIONS)["levels"]
        if "ple" in self.tried and self.depth < levels:
            raise ValueError(f"a depth of at least {levels:g}, a layer for each level of ple; found {self.depth}")
        if self.sharing == "dselect_k" and self.option("k") > self.option("experts"):
            raise ValueError(f"k of dselect_k: at most its {self.option('experts'):g} experts; found {self.option('k'):g}")
        return self

    @field_validator("groups")
    @classmethod
    def _each_in_one_group(cls, value: tuple[tuple[str, ...], ...] | None) -> tuple[tuple[str, ...], ...] | None:
        each_once("task in a group", tuple(name for group in value or () for name in group), 0)
        if any(not group for group in value or ()):
            raise ValueError("at least one task in each group; found an empty group")
        return value

    @model_validator(mode="after")
    def _groups_and_auto_fit(self) -> Model:
        if self.groups is not None and self.sharing != "shared_bottom":
            raise ValueError(f"groups with sharing: shared_bottom; found them with sharing: {self.sharing}")
        known = [name for name in get_args(Model.model_fields["sharing"].annotation) if name not in ("auto", "separate")]
        for name in self.auto.also:
            if name not in known:
                raise ValueError(f"auto.also: sharings to try ({', '.join(known)}); found {name}")
        return self

    @property
    def tried(self) -> tuple[str, ...]:
        """Every sharing that networks are made of: with `auto`, beside groups of shared_bottom, those of `auto.also`."""
        return ("shared_bottom", *self.auto.also) if self.sharing == "auto" else (self.sharing,)

    def option(self, name: str) -> float:
        """An option of this model's sharing: as given, else its default."""
        return options_of(self.sharing, self.options, SHARING_OPTIONS)[name]


class Training(Part):
    """The loop."""

    balancing: Literal[
        "equal", "fixed", "uncertainty", "dwa", "random", "geometric_mean", "imtl_l", "famo", "stch", "normalized",
        "gradnorm", "pcgrad", "gradvac", "mgda", "cagrad", "imtl_g", "nash", "aligned", "fairgrad", "upgrad", "dualproj",
    ] = "equal"  # fmt: skip
    options: dict[str, float] = {}
    """Options of this balancing, by name."""
    at: Literal["auto", "representation", "parameters"] = "auto"
    """Where balancing on gradients compares them: the shared activations (cheap, right where tasks have labels on the same
    rows), the shared parameters (exact), or what fits the labels and the sharing."""
    every: Annotated[int, Field(ge=1)] = 1
    """Steps from one weighing of the gradients to the next."""
    sampler: Literal["proportional", "uniform", "temperature", "round_robin", "by_weight"] = "proportional"
    """Whose rows a batch holds, where tasks have rows of their own."""
    temperature: Annotated[float, Field(ge=1)] = 5.0
    """T of `sampler: temperature`: shares ∝ n^(1/T) of n rows."""
    optimizer: Literal["adamw", "sgd", "full_batch"] = "adamw"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    """Of the learning rate over `max_epochs`: as it is, or falling to 0 along half a cosine."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    batch_size: Annotated[int, Field(ge=1)] = 256
    max_epochs: Annotated[int, Field(ge=1)] = 100
    patience: Annotated[int, Field(ge=1)] = 10
    refit: bool = False
    """Once valid has said how many epochs are best, train anew for as many, on train and valid together."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """Largest norm of the gradient."""
    seed: int = 0
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of the loop; part of what makes the bytes the same."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto: bf16 autocast on CUDA, float32 on the CPU."""
    relatedness: Annotated[int, Field(ge=1)] | None = 50
    """Every so many steps the tasks' gradients are compared; none: never."""
    regularizers: Regularizers = Regularizers()
    distillation: Distillation | None = None

    def alone(self) -> Training:
        """The same for networks of one task each: without what tasks learn from each other, and every row once an epoch."""
        return self.model_copy(update={"regularizers": Regularizers(), "distillation": None, "sampler": "proportional"})

    @model_validator(mode="after")
    def _known_options(self) -> Training:
        check_options(self.balancing, self.options, BALANCING_OPTIONS)
        return self

    @model_validator(mode="after")
    def _steps_to_choose_rows_for(self) -> Training:
        if self.sampler != "proportional" and self.optimizer == "full_batch":
            raise ValueError(f"sampler: proportional with optimizer: full_batch, whose one step has all rows; found {self.sampler}")
        return self

    def option(self, name: str) -> float:
        """An option of this balancing: as given, else its default."""
        return self.all_options[name]

    @property
    def all_options(self) -> dict[str, float]:
        """Every option of this balancing: as given, else its default."""
        return options_of(self.balancing, self.options, BALANCING_OPTIONS)


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
    slices: dict[str, dict[str, float]] = {}
    """Task -> the same on parts of test: `COLUMN=BAND` as evaluation.slices cuts them, or COLUMN for each of its bands."""
    max_cost: Cost = Cost()
