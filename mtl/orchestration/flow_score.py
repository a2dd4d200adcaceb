"""The flow `score`: the champion's predictions of each batch of a source that has none yet."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from mtl.orchestration.batches import batches
from mtl.orchestration.each_batch import RETRY_DELAYS, each_batch, plainly
from mtl.orchestration.local import prepare_environment
from mtl.serving.places import SCORED
from mtl.serving.score import Scored


@task(
    name="score", task_run_name="{source} {date}", cache_policy=NO_CACHE, persist_result=False,
    retries=len(RETRY_DELAYS), retry_delay_seconds=RETRY_DELAYS,
)  # fmt: skip
def score_batch(root: str, source: str, path: str | None, date: datetime.date | None) -> Scored:
    """One batch; MLflow or a disk that is away for a moment is tried again."""
    from mtl.serving.score import score

    done = score(Path(root), source, Path(path) if path else None, date)
    get_run_logger().info(done.summary())
    return done


@flow(name="score")
def score(source: str, root: str = ".", since: datetime.date | None = None, until: datetime.date | None = None) -> State[Any]:
    """Predict the dated partitions of `source` that were not yet, or its whole table if it has none."""
    where = Path(root).resolve()
    prepare_environment(where)
    return plainly(lambda: _each(where, source, since, until))


def _each(where: Path, source: str, since: datetime.date | None, until: datetime.date | None) -> State[Any]:
    todo = batches(where, source, since, until, lambda day: any((where / SCORED / source).glob(f"date={day}/part-*.parquet")))
    if not todo:
        return Completed(message=f"nothing to do: every batch of {source} is scored")
    return each_batch(
        todo, lambda day, path: score_batch(str(where), source, str(path) if path else None, day, return_state=True), _publish
    )


def _publish(done: list[Scored]) -> str:
    rows = [
        {"date": str(one.date), "rows in": one.rows_in, "predicted": one.predicted, "quarantined": one.quarantined,
         "version": one.version, "part": str(one.part), "warnings": "; ".join(one.warnings)}
        for one in done
    ]  # fmt: skip
    create_table_artifact(table=rows, key="scored", description="Batches that the champion has predicted.")
    return f"{sum(one.predicted for one in done):,} rows of {len(done)} batches predicted by version {done[-1].version}"
