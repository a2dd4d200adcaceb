"""What runs around the stages: servers, workers, placement, records, drift, notifications. No stage reads this section, so an
edit of it makes none stale."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mtl.spec.base import Name, Part

Port = Annotated[int, Field(ge=1024, le=65535)]


class Server(Part):
    """A server that `mtl up` starts on loopback."""

    port: Port
    store: str | None = None
    """URL of its database (PostgreSQL); `env:NAME` reads it from the environment. Left out: a file under .mtl/services."""


class Services(Part):
    """What `mtl up` starts."""

    prefect: Server = Server(port=4200)
    mlflow: Server = Server(port=5000)
    pools: dict[Name, Annotated[int, Field(ge=1)]] = {"cpu": 2, "gpu": 1}
    """Work pool -> runs at a time, over all its workers. Where its name begins with `gpu` each run has a device of its own."""
    workers: tuple[Name, ...] | None = None
    """Pools of which `mtl up` starts a worker here; left out: of all. Leave out a pool whose workers are elsewhere."""
    watch: dict[Name, Annotated[float, Field(ge=1)]] = {}
    """Source -> seconds between two looks at its folder or file; what arrives there begins a retraining."""

    @property
    def here(self) -> dict[str, int]:
        """Pool -> runs at a time, of the workers that `mtl up` starts."""
        return {pool: limit for pool, limit in self.pools.items() if self.workers is None or pool in self.workers}


class Placement(Part):
    """Where a stage runs if not beside the flow: by a worker of `pool`, in its own checkout."""

    pool: Name
    store: str | None = None
    """Folder or URL (any that DVC's remotes know) for its checkpoints, so that another worker goes on with them."""
    env: dict[str, str] = {}
    """Variables of the stage's process, such as CUDA_VISIBLE_DEVICES."""
    patience: Annotated[float, Field(gt=0)] = 3600.0
    """Seconds that a run waits for a worker to begin."""


class Drift(Part):
    """From when on a column counts as drifted: its distance is above the threshold, and chance does not explain it."""

    psi: Annotated[float, Field(gt=0)] = 0.2
    """Population stability index, of numbers, predictions and label rates."""
    js: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Jensen-Shannon distance (base 2), of categories."""
    mean: Annotated[float, Field(gt=0)] = 0.25
    """Shift of an embedding's mean, in standard deviations of the reference."""
    nulls: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Change of the share of rows without a value."""


class Monitor(Part):
    """What `mtl monitor` compares with the champion's reference profile, and how strictly."""

    drift: Drift = Drift()
    columns: dict[str, Drift] = {}
    """Column (`SOURCE.COLUMN`) or task (`tasks.NAME`) -> thresholds of its own; what it leaves out is as `drift` says."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.99
    """Of all comparisons together: each one's is corrected for their number (Holm)."""
    least_rows: Annotated[int, Field(ge=1)] = 100
    """Rows of a batch below which nothing is said."""
    ignore: tuple[str, ...] = ()
    """Columns (`SOURCE.COLUMN`) and tasks (`tasks.NAME`) that may change as they like."""

    def thresholds(self, name: str) -> Drift:
        """Of a column or task: what `columns` says of it, and `drift` of the rest."""
        own = self.columns.get(name)
        return self.drift if own is None else self.drift.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})


class Notify(Part):
    """Whom to tell, through Prefect's blocks."""

    block: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")] | None = None
    """`TYPE/NAME` of a notification block that is on the server: `slack-webhook/ops`, `sendgrid-email/oncall`."""
    webhook: str | None = None
    """URL that is sent {"title", "text"} as JSON; `env:NAME` reads it from the environment."""
    on: tuple[Literal["failure", "refusal", "drift"], ...] = ("failure", "refusal", "drift")

    @model_validator(mode="after")
    def _one_way(self) -> Notify:
        if (self.block is None) == (self.webhook is None):
            raise ValueError(f"either a block or a webhook; found {'neither' if self.block is None else 'both'}")
        return self

    @field_validator("on", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Operations(Part):
    """The pipeline in production."""

    services: Services = Services()
    placement: dict[str, Placement] = {}
    """Stage -> pool, or {pool: …, store: …}; left out: beside the flow."""
    remote: str | None = None
    """DVC remote that placed stages and backfills push to and pull from; left out: DVC's default one."""
    record: Literal["none", "commit", "branch"] = "none"
    """What a scheduled retraining does with its new dvc.lock: nothing, a commit on this branch, or a branch of its own."""
    monitor: Monitor = Monitor()
    notify: tuple[Notify, ...] = ()

    @field_validator("placement", mode="before")
    @classmethod
    def _pool_or_more(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {stage: {"pool": said} if isinstance(said, str) else said for stage, said in value.items()}
