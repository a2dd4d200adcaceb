"""What a flow hands to a worker, and what the worker hands back. Both are JSON; neither holds data, only their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mtl.errors import MtlError
from mtl.layout import CODE_LOCK, DVC_LOCK, PROFILE
from mtl.spec import SPEC

FILES = (SPEC, str(DVC_LOCK), str(CODE_LOCK), str(PROFILE))
"""Files of a workspace that may differ from those of its git revision."""


@dataclass(frozen=True)
class Parcel:
    """A stage to run."""

    stage: str
    workspace: str
    """Host and folder of the flow. A worker of the same runs the stage where it is."""
    revision: str
    """Of git: the code and the files under data/raw come with it."""
    files: Mapping[str, str]
    """Name -> text, of `FILES`."""
    inputs: tuple[str, ...]
    """Paths that other stages made; dvc.lock says their hashes."""
    outputs: tuple[str, ...]
    remote: str | None = None
    store: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    force: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Parcel:
        """Raises MtlError if it is of another version of this package."""
        try:
            return cls(**{**data, "inputs": tuple(data["inputs"]), "outputs": tuple(data["outputs"])})
        except (TypeError, KeyError) as error:
            raise MtlError(
                "a stage was handed over that this worker cannot read", expected="the same version of mtl on both sides",
                found=str(error), do="update the one that is older",
            ) from None  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A stage that is done."""

    stage: str
    what: str
    seconds: float
    lock: Mapping[str, Any] | None
    """The stage's entry of dvc.lock; None where the worker ran it in the flow's own folder."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
