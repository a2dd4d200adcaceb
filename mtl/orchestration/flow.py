"""The Prefect flow `retrain`: dvc.yaml is the graph, DVC says what is stale, Prefect runs one task a stage."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.futures import PrefectFuture, wait
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from mtl.codelock import write_code_lock
from mtl.dvc_home import keep_dvc_home
from mtl.errors import MtlError
from mtl.layout import CODE_LOCK
from mtl.leftovers import clear_leftovers
from mtl.orchestration.artifacts import decision, publish
from mtl.orchestration.events import WRONG_SPEC
from mtl.orchestration.graph import Plan, is_stale, read_plan
from mtl.orchestration.guardian import guard
from mtl.orchestration.heal import heal_dvc
from mtl.orchestration.local import prepare_environment
from mtl.orchestration.lock import workspace_lock
from mtl.orchestration.outside import must_run_again
from mtl.orchestration.placement.sender import hand_over
from mtl.orchestration.polling import poll, sql_sources
from mtl.orchestration.progress import Progress
from mtl.orchestration.record import record
from mtl.orchestration.stage import allow, run_stage, stop_all
from mtl.orchestration.watch import Outcome, watcher
from mtl.process import FLOW_RUN
from mtl.spec import SPEC, Operations, read_spec
from mtl.unwritable import unwritable

RETRY_DELAYS: list[float] = [1, 4]
"""Seconds before the first and the second retry of what reads files and servers of others."""
ASK_OTHERS = ("ingest", "register", "poll")
"""Stages that do so; whatever they fail at, but a wrong spec, may pass the next time."""
NO_ROOM = ("No space left", "Disk quota", "disk is full")
"""What any stage may say where waiting can help: somebody else's temporary files go."""
SECOND_LIFE = 60.0
"""Seconds that a run which was put back into the queue waits for its workspace."""
LIVES = 4
"""Starts of one run, the first included, after which a crash is not mended by starting again."""


def _may_pass_next_time(_task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    return _is_worth_a_retry(run.name, state.name or "", state.message or "")


def _is_worth_a_retry(stage: str, name: str, message: str) -> bool:
    return name != WRONG_SPEC and (stage.partition("@")[0] in ASK_OTHERS or any(text in message for text in NO_ROOM))


@task(
    name="stage", task_run_name="{stage}", cache_policy=NO_CACHE, persist_result=False,
    retries=len(RETRY_DELAYS), retry_delay_seconds=RETRY_DELAYS, retry_condition_fn=_may_pass_next_time,
)  # fmt: skip
def reproduce(stage: str, root: str, force: bool = False, maybe_stale: bool = True) -> State[Any]:
    """Bring one stage up to date, here or where the spec places it. DVC, not Prefect, decides whether it has to run.

    `maybe_stale` is False where neither the stage nor anything before it was stale when the flow began.
    """
    where, log, progress = Path(root), get_run_logger(), Progress(stage)
    again = force or must_run_again(where, stage)
    if not again and not (maybe_stale and is_stale(where, stage)):
        return _told(Outcome(stage, "unchanged"))

    def hear(line: str) -> None:
        log.info(line)
        watcher().line(stage, line)
        progress.hear(line)

    watcher().started(stage)
    operations = read_spec(where / SPEC).operations if (where / SPEC).is_file() else Operations()
    placement = operations.placement.get(stage.partition("@")[0])
    if placement is None:
        return _told(run_stage(where, stage, force=again, on_line=hear))
    return _told(hand_over(where, stage, placement, operations.remote, again, hear))


@task(
    name="poll", task_run_name="poll@{source}", cache_policy=NO_CACHE, persist_result=False,
    retries=len(RETRY_DELAYS), retry_delay_seconds=RETRY_DELAYS, retry_condition_fn=_may_pass_next_time,
)  # fmt: skip
def poll_source(source: str, root: str) -> State[Any]:
    """Ask an SQL source for its watermark; DVC watches the small file that holds the answer."""
    outcome = poll(Path(root), source)
    if outcome.message and outcome.ok:
        get_run_logger().info(f"{source}: {outcome.message}")
    return _told(outcome)


@flow(name="retrain", task_runner=ThreadPoolTaskRunner(max_workers=32))  # type: ignore[arg-type]  # Prefect declares a runner of any future
def retrain(root: str = ".", force: bool = False, targets: list[str] | None = None, wait: float = 0.0) -> State[Any]:
    """Bring the workspace at `root` up to date, or the stages in `targets` and what they need.

    wait: seconds for which another run may still work there.
    """
    where = Path(root).resolve()
    prepare_environment(where)
    return too_many_lives() or bring_up_to_date(where, force, targets, wait)


def too_many_lives() -> State[Any] | None:
    """The last state of a run that was put back into the queue too often, or although somebody had cancelled it; else None."""
    begun: int = flow_run.get_run_count()
    if begun > 1 and _was_cancelled():
        return Cancelled(message="it was being cancelled when its worker died")
    if begun <= LIVES:
        return None
    return Failed(message=f"crashed {begun - 1} times: whatever kills it will do so again; see the logs of its earlier starts")


def _was_cancelled() -> bool:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return any(state.is_cancelling() for state in client.read_flow_run_states(UUID(flow_run.get_id())))


def bring_up_to_date(root: Path, force: bool = False, targets: list[str] | None = None, wait: float = 0.0) -> State[Any]:
    """What the flow `retrain` does, under the workspace's lock; a failed state says who holds it after `wait` seconds.

    A run in its second life may find its first at its last breath, so it waits for a while in any case.
    """
    wait = max(wait, SECOND_LIFE if flow_run.get_run_count() > 1 else 0.0)
    os.environ[FLOW_RUN] = flow_run.get_name() or ""  # for the lineage of what `register` makes, and for who holds the lock
    try:
        with workspace_lock(root, wait):
            return _retrain(root, force, targets)
    except Exception as error:
        said = error if isinstance(error, MtlError) else unwritable(error, root)
        if said is None:
            raise
        return Failed(message=str(said), name=_state_name(said.exit_code))


def _retrain(root: Path, force: bool, targets: list[str] | None) -> State[Any]:
    for text in heal_dvc(root):
        get_run_logger().warning(text)
    guard(root, os.getpid())
    write_code_lock(root / CODE_LOCK)
    keep_dvc_home(root)
    if (root / SPEC).is_file():
        for gone in clear_leftovers(root, read_spec(root / SPEC).sources):
            get_run_logger().info(f"{gone}: removed, since params.yaml has no source of that name")
    polled = _outcomes([(f"poll@{name}", poll_source.submit(name, str(root))) for name in sql_sources(root)])
    if any(not outcome.ok for outcome in polled):
        return _final(polled)
    outcomes = _outcomes(_submit(root, read_plan(root, targets), force))
    publish(root, outcomes)
    if deployment.get_id() and all(one.ok for one in outcomes) and any(one.what != "unchanged" for one in outcomes):
        _record(root)
    return _final(outcomes)


def _record(root: Path) -> None:
    """Of a run that came by a schedule, or by hand through the server: `mtl run` leaves git to the person."""
    if not (root / SPEC).is_file():
        return
    name = flow_run.get_name() or "run"
    try:
        done = record(root, read_spec(root / SPEC).operations.record, f"Retrained by {name}: {decision(root)}", f"mtl/{name}")
    except MtlError as error:  # what was learned and decided stands, whatever git says
        get_run_logger().warning(str(error))
        return
    if done:
        get_run_logger().info(done)


def _submit(root: Path, plan: Plan, force: bool) -> list[tuple[str, PrefectFuture[Any]]]:
    stale = set(plan.stale) | {stage for stage in plan.needs if stage == "register" and must_run_again(root, stage)}
    maybe_stale = stale | plan.downstream(stale)
    futures: dict[str, PrefectFuture[Any]] = {}
    for stage, needs in plan.needs.items():
        before = [futures[need] for need in needs]
        run: Task[..., Any] = reproduce  # its own signature leaves no room for `wait_for`
        futures[stage] = run.submit(stage, str(root), force, stage in maybe_stale, wait_for=before)
    return list(futures.items())


def _outcomes(futures: list[tuple[str, PrefectFuture[Any]]]) -> list[Outcome]:
    allow()
    try:
        wait([future for _, future in futures])
    except BaseException:  # Ctrl-C, or Prefect's worker cancelling the run
        stop_all()
        raise
    return [_outcome(stage, future.state) for stage, future in futures]


def _outcome(stage: str, state: State[Any]) -> Outcome:
    if state.is_completed():
        found: Any = state.result(raise_on_failure=False)
        return Outcome(**found)
    if state.is_pending():
        outcome = Outcome(stage, "not run")
        watcher().finished(outcome)
        return outcome
    return Outcome(stage, "failed", 0.0, state.message or "", 2 if state.name == WRONG_SPEC else 1)


def _told(outcome: Outcome) -> State[Any]:
    """Tell the watcher, and say it as a state of Prefect's; a failed one carries the stage's own words only."""
    watcher().finished(replace(outcome, what="retrying") if _will_be_retried(outcome) else outcome)
    if outcome.ok:
        return Completed(name="Unchanged" if outcome.what == "unchanged" else "Completed", data=vars(outcome), message=outcome.what)
    return Failed(message=outcome.message, name=_state_name(outcome.exit_code))


def _will_be_retried(outcome: Outcome) -> bool:
    context = TaskRunContext.get()
    return (
        outcome.what == "failed"
        and context is not None
        and _is_worth_a_retry(outcome.stage, _state_name(outcome.exit_code), outcome.message)
        and context.task_run.run_count <= context.task.retries
    )


def _state_name(exit_code: int) -> str:
    return WRONG_SPEC if exit_code == 2 else "Failed"


def _final(outcomes: list[Outcome]) -> State[Any]:
    failed = [outcome for outcome in outcomes if outcome.what == "failed"]
    if failed:
        name = _state_name(max(outcome.exit_code for outcome in failed))
        return Failed(message="\n".join(f"{outcome.stage}: {outcome.message}" for outcome in failed), name=name)
    done = sum(outcome.what != "unchanged" for outcome in outcomes)
    return Completed(message=f"{done} of {len(outcomes)} stages run" if done else "nothing to do", data=[vars(o) for o in outcomes])
