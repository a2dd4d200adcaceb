"""The flow `backfill`: what a retraining or a scoring would have made on each of a range of days.

A retraining of the past is a DVC experiment in a temporary workspace: the sources are pinned by `as_of`, and the registry is not
asked. DVC makes the workspace out of this folder, so nobody else may work here meanwhile.
"""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import Any, Literal

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from mtl.data.sources import has_moments
from mtl.dvc_reads import must_be_read_by_dvc
from mtl.errors import DataError
from mtl.files import replacing
from mtl.orchestration.batches import partitions_by_date
from mtl.orchestration.each_batch import plainly
from mtl.orchestration.flow import bring_up_to_date
from mtl.orchestration.flow_score import score
from mtl.orchestration.local import child_environment, prepare_environment
from mtl.orchestration.lock import workspace_lock
from mtl.orchestration.stage import DVC, failure_message, run_command
from mtl.spec import SPEC, read_spec


@task(name="retrain", task_run_name="retrain as of {day}", cache_policy=NO_CACHE, persist_result=False)
def retrain_as_of(root: str, day: datetime.date, sources: list[str]) -> str:
    """One experiment, by the name that is returned; nothing is done if it is there already."""
    where, name = Path(root), experiment_of(day)
    if name in experiments(where):
        return name
    spec = read_spec(where / SPEC)
    must_be_read_by_dvc((where / SPEC).read_text(encoding="utf-8"), SPEC, also_rewritten=True)
    pins = [f"--set-param=++sources.{source}.as_of={day}" for source in sources]  # ++: also where the spec has no such key yet
    copied = [f"--copy-paths={path}" for said in spec.sources.values() for path in _untracked(where, said.path)]
    command = [*DVC, "exp", "run", "--temp", "--name", name, *pins, *copied]
    lines, code = run_command(command, where, name, get_run_logger().info)
    if code:
        raise DataError(f"retraining as of {day}", expected="an experiment", found=failure_message(lines, code))
    return name


@flow(name="backfill")
def backfill(
    since: datetime.date, until: datetime.date, what: Literal["retrain", "score"] = "retrain", source: str | None = None,
    root: str = ".", promote: bool = False,
) -> State[Any]:  # fmt: skip
    """Retrain, or score `source`, for each day from `since` to `until` that has a partition; each day once.

    promote: bring the last day's experiment into this folder afterwards, where it meets the gate as any other candidate; the
    spec is then what it was, so the next retraining sees all data again.
    """
    where = Path(root).resolve()
    prepare_environment(where)
    if what == "score":
        return plainly(lambda: score(source or _the_dated_one(where), str(where), since, until, return_state=True))
    return plainly(lambda: _retrain_alone(where, since, until, promote))


def _retrain_alone(root: Path, since: datetime.date, until: datetime.date, promote: bool) -> State[Any]:
    with workspace_lock(root):
        return _retrain_all(root, since, until, promote)


def _retrain_all(where: Path, since: datetime.date, until: datetime.date, promote: bool) -> State[Any]:
    dated = dated_sources(where)
    days = sorted({day for found in dated.values() for day in found if since <= day <= until})
    if not days:
        return Failed(message=f"no dated partition from {since} to {until} in any of: {', '.join(dated) or 'no source has any'}")
    spec = read_spec(where / SPEC)
    pinned = [*dated, *(name for name, said in spec.sources.items() if has_moments(where, said))]
    if whole := [name for name in spec.sources if name not in pinned]:
        get_run_logger().warning("nothing says when rows of %s came: each day sees all of them", ", ".join(whole))
    states = [(day, retrain_as_of(str(where), day, pinned, return_state=True)) for day in days]
    failed = [f"{day}: {state.message}" for day, state in states if not state.is_completed()]
    if failed:
        return Failed(message="\n".join(failed))
    if promote:
        return _promoted(where, experiment_of(days[-1]))
    return Completed(message=f"{len(days)} experiments, {experiment_of(days[0])} to {experiment_of(days[-1])}; see `dvc exp show`")


def _promoted(root: Path, name: str) -> State[Any]:
    """Bring the experiment into this folder and let it meet the gate; then the spec is again what it was, without its pins."""
    spec = (root / SPEC).read_text(encoding="utf-8")
    try:
        _apply(root, name)
        return bring_up_to_date(root)
    finally:
        with replacing(root / SPEC) as partial:
            partial.write_text(spec, encoding="utf-8")


def dated_sources(root: Path) -> dict[str, list[datetime.date]]:
    """Source -> the days of its partitions, of those that are folders of dated ones."""
    spec = read_spec(root / SPEC)
    found = {name: sorted(partitions_by_date(root, spec, name)) for name in spec.sources}
    return {name: days for name, days in found.items() if days}


def experiment_of(day: datetime.date) -> str:
    return f"backfill-{day}"


def experiments(root: Path) -> set[str]:
    """Names of the experiments on this revision."""
    command = [*DVC, "exp", "list", "--name-only"]
    done = subprocess.run(command, cwd=root, env=child_environment(), capture_output=True, text=True, check=False)
    return set(done.stdout.split())


def _untracked(root: Path, path: str) -> list[str]:
    """What of a source's folder git does not know: DVC's temporary workspace has the rest already, and would not copy over it."""
    command = ["git", "-C", str(root), "ls-files", "--others", "--directory", "--no-empty-directory", "-z", "--", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [name.rstrip("/") for name in done.stdout.split("\0") if name]


def _apply(root: Path, name: str) -> None:
    lines, code = run_command([*DVC, "exp", "apply", name], root, name, get_run_logger().info)
    if code:
        raise DataError(f"dvc exp apply {name}", expected="the experiment in this folder", found=failure_message(lines, code))


def _the_dated_one(root: Path) -> str:
    dated = list(dated_sources(root))
    if len(dated) != 1:
        found = f"{len(dated)} sources with dated partitions"
        raise DataError("backfill of scores", expected="the source to score", found=found, do="name it")
    return dated[0]
