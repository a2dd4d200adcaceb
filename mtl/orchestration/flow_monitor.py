"""The flow `monitor`: each new batch of a source against the champion's reference profile; drift is an event."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from mtl.layout import STATE
from mtl.monitoring.monitor import Monitored
from mtl.orchestration.batches import batches
from mtl.orchestration.each_batch import RETRY_DELAYS, each_batch, plainly
from mtl.orchestration.events import DRIFTED, emit
from mtl.orchestration.local import prepare_environment


@task(
    name="monitor", task_run_name="{source} {date}", cache_policy=NO_CACHE, persist_result=False,
    retries=len(RETRY_DELAYS), retry_delay_seconds=RETRY_DELAYS,
)  # fmt: skip
def monitor_batch(root: str, source: str, path: str | None, date: datetime.date | None) -> Monitored:
    """One batch: its report, an artifact, and an event if it has drifted."""
    from mtl.monitoring.monitor import monitor

    done = monitor(Path(root), source, Path(path) if path else None, date)
    get_run_logger().info(done.summary())
    page = (Path(root) / done.page).as_uri()
    text = f"[{done.page}]({page})\n\n```\n{done.summary()}\n```"
    create_markdown_artifact(markdown=text, key=f"drift-{source}".lower().replace("_", "-"), description=done.verdict)
    if done.drifted:
        lines = "; ".join(one.line for one in done.drifted)
        emit(DRIFTED, done.model, source, f"{source} {done.date}: {lines}", source=source, date=str(done.date))
    told = _mark(Path(root), source, date)
    told.parent.mkdir(parents=True, exist_ok=True)
    told.touch()
    return done


@flow(name="monitor")
def monitor(source: str, root: str = ".", since: datetime.date | None = None, until: datetime.date | None = None) -> State[Any]:
    """Compare the dated partitions of `source` that were not yet, or its whole table if it has none."""
    where = Path(root).resolve()
    prepare_environment(where)
    return plainly(lambda: _each(where, source, since, until))


def _each(where: Path, source: str, since: datetime.date | None, until: datetime.date | None) -> State[Any]:
    todo = batches(where, source, since, until, lambda day: _mark(where, source, day).is_file())
    if not todo:
        return Completed(message=f"nothing to do: every batch of {source} was looked at")
    return each_batch(
        todo, lambda day, path: monitor_batch(str(where), source, str(path) if path else None, day, return_state=True), _publish
    )


def _mark(root: Path, source: str, date: datetime.date | None) -> Path:
    """A file that is there when a batch was looked at and whoever has to know was told: a report alone does not say so."""
    return root / STATE / "monitored" / f"{source}-{date}"


def _publish(done: list[Monitored]) -> str:
    rows = [
        {"date": str(one.date), "rows": one.rows["kept"], "verdict": one.verdict, "drifted": "; ".join(f.line for f in one.drifted)}
        for one in done
    ]
    create_table_artifact(table=rows, key="drift", description="Batches against the champion's reference profile.")
    drifted = sum(bool(one.drifted) for one in done)
    return f"{drifted} of {len(done)} batches drifted"
