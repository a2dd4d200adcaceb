"""What `mtl tune` may vary, and how long it may look. No stage reads this section, so an edit of it makes none stale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from mtl.spec.base import Part


class Range(Part):
    """All numbers from low to high, both included; whole ones where the key asks for a whole number."""

    low: float
    high: float
    log: bool = False
    """Even on the scale of the logarithm: as often between 0.001 and 0.01 as between 0.01 and 0.1."""
    step: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Range:
        if self.low >= self.high:
            raise ValueError(f"low < high; found low {self.low:g}, high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"a low above 0 beside `log: true`; found {self.low:g}")
        if self.log and self.step is not None:
            raise ValueError(f"either log or step; found both, step {self.step:g}")
        return self


Choices = tuple[Any, ...]


def _varied(value: Any) -> Choices | Range:
    """A list of values or a range, as written in YAML."""
    if isinstance(value, Range):
        return value
    if isinstance(value, list | tuple):
        different = list(dict.fromkeys(repr(one) for one in value))
        if len(different) < len(value) or not value:
            raise ValueError(f"a list of at least one value, each once; found {list(value)!r}")
        return tuple(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"a list of values, or {{low: …, high: …, log: true}}; found {value!r}")
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")  # a misspelt key explains a missing one
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(said if first["type"] == "value_error" else _in_words(first["type"], first["loc"])) from None


def _in_words(kind: str, where: tuple[str | int, ...]) -> str:
    key = ".".join(str(part) for part in where)
    known = "low, high, log and step in a range"
    return f"{known}; found " + (f"no {key}" if kind == "missing" else f"{key!r} that cannot be read as one of them")


class Tune(Part):
    """The search that `mtl tune` makes."""

    trials: Annotated[int, Field(ge=1)] = 30
    """How many in all, the spec as it stands included."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Cross-validate over so many folds of the entities of train and valid; left out: fit on train, judge on valid."""
    processes: Annotated[int, Field(ge=1)] = 1
    """Trials that run side by side."""
    timeout: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which no further trial begins."""
    seed: int = 0
    """Of the sampler and of the folds."""
    space: dict[str, Annotated[Choices | Range, BeforeValidator(_varied)]] = {}
    """Dotted key of this file (`model.width`, `tasks.NAME.weight`) -> what it may be; left out: a space that suits most."""
