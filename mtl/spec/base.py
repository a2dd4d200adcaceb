"""What every part of the spec has in common."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Common manner of every part of the spec: frozen, and no key that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def label_text(value: Any) -> str:
    """A label as the data spell it: YAML's true is `true`, 1.0 is `1`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def texts(value: Any) -> Any:
    """A list of scalars as texts; anything else as it is, for pydantic to refuse."""
    whole = isinstance(value, list | tuple) and all(isinstance(v, str | bool | int | float | date) for v in value)
    return tuple(label_text(v) for v in value) if whole else value


def each_once(what: str, values: tuple[str, ...], least: int) -> tuple[str, ...]:
    twice = next((v for v in values if values.count(v) > 1), None)
    if twice is not None:
        raise ValueError(f"each {what} once; found {twice!r} twice")
    if len(values) < least:
        raise ValueError(f"at least {least} {what}{'es' if what == 'class' else 's' if least > 1 else ''}; found {len(values)}")
    return values
