"""The flow's side: push a stage's inputs, hand it to the pool, wait, take over what it made."""

from __future__ import annotations

import json
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mtl.errors import MtlError
from mtl.orchestration.graph import is_stale
from mtl.orchestration.placement.files import files_of, pull, push, put_lock_entry
from mtl.orchestration.placement.parcel import FILES, Answer, Parcel
from mtl.orchestration.stage import Say, is_stopping
from mtl.orchestration.watch import Outcome
from mtl.registry.around import git_revision
from mtl.services.places import workspace_id
from mtl.spec import SPEC, Placement, read_spec

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

FLOW = "stage"
"""Name of the flow that workers run; its deployment on the placement's pool is looked up."""
ANSWER = "handed-back"
"""Key of the artifact that holds a worker's answer."""
LOOK = 1.0
"""Seconds between two looks at the worker's run."""
SECOND_LIFE = 60.0
"""Seconds that a crashed run has to come back into the queue."""


def hand_over(root: Path, stage: str, placement: Placement, remote: str | None, force: bool, say: Say) -> Outcome:
    """Let a worker of the placement's pool run the stage; afterwards the workspace is as if it had run here.

    A failure is an outcome, not an error.
    """
    began = time.perf_counter()
    try:
        parcel = _parcel(root, stage, placement, remote, force)
        answer = _waited_for(root, parcel, placement, say)
        if answer.lock is not None:
            put_lock_entry(root, stage, dict(answer.lock))
            pull(root, parcel.outputs, remote, say)
        if is_stale(root, stage):
            raise MtlError(
                f"{stage} was handed back", expected="what DVC finds up to date", found="a stage that is stale", do="run again"
            )
    except MtlError as error:
        return Outcome(stage, "failed", time.perf_counter() - began, str(error), error.exit_code)
    except Exception as error:  # the server, the store or the network, each with errors of its own
        return Outcome(stage, "failed", time.perf_counter() - began, f"{type(error).__name__}: {error}", 1)
    return Outcome(stage, "restored" if answer.what == "restored" else "ran", round(time.perf_counter() - began, 2))


def _parcel(root: Path, stage: str, placement: Placement, remote: str | None, force: bool) -> Parcel:
    revision, _ = git_revision(root)
    inputs, outputs = files_of(root, stage)
    files = {name: (root / name).read_text(encoding="utf-8") for name in FILES if (root / name).is_file()}
    store = f"{placement.store.rstrip('/')}/{read_spec(root / SPEC).name}" if placement.store else None
    return Parcel(stage, workspace_id(root), revision or "", files, inputs, outputs, remote, store, placement.env, force)


def _waited_for(root: Path, parcel: Parcel, placement: Placement, say: Say) -> Answer:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        deployment = _deployment(client, placement.pool)
        if not _is_here(client, deployment, root):
            _must_be_known_to_git(root, parcel)
            push(root, parcel.inputs, parcel.remote, say)
        run = _begin(client, deployment, parcel)
        say(f"handed to pool {placement.pool} as run {run.name}")
        done = _until_done(client, run.id, placement, say)
        if done.state is None or not done.state.is_completed():
            raise MtlError(f"run {run.name} of pool {placement.pool}: {done.state and (done.state.message or done.state.name)}")
        return _answer(client, run.id)


def _begin(client: SyncPrefectClient, deployment: Any, parcel: Parcel) -> FlowRun:
    """The worker's run. A flow in its second life finds the one of its first, unless that has failed."""
    from prefect.deployments.flow_runs import run_deployment
    from prefect.runtime import flow_run

    env = {"env": dict(parcel.env)} if parcel.env else None
    for attempt in count():
        run: Any = run_deployment(
            deployment.id, parameters={"stage": parcel.stage, "parcel": parcel.as_json()}, timeout=0, job_variables=env,
            flow_run_name=f"{parcel.stage} on {deployment.work_pool_name}",
            idempotency_key=f"{flow_run.get_id()}-{parcel.stage}-{attempt}",
        )  # fmt: skip
        found: FlowRun = client.read_flow_run(run.id)
        if found.state is None or not found.state.is_final() or found.state.is_completed():
            return found
    raise AssertionError("count() never ends")


def _deployment(client: SyncPrefectClient, pool: str) -> Any:
    """The deployment of the flow `stage` on the pool. Raises MtlError if there is none."""
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName, WorkPoolFilter, WorkPoolFilterName

    found = client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[FLOW])),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
    )
    if not found:
        raise MtlError(
            f"operations.placement names the pool {pool!r}", expected=f"a deployment of the flow `{FLOW}` on it", found="none",
            do="declare one in prefect.yaml (`train` is an example) and run `mtl deploy`",
        )  # fmt: skip
    return found[0]


def _is_here(client: SyncPrefectClient, deployment: Any, root: Path) -> bool:
    """Whether every worker that may take the run works in this very folder: then nothing has to be pushed."""
    online = _online(client, deployment.work_pool_name)
    return bool(online) and all(worker.name.endswith(workspace_id(root)) for worker in online)


def _must_be_known_to_git(root: Path, parcel: Parcel) -> None:
    revision, dirty = git_revision(root)
    if revision is None:
        raise MtlError(
            f"{parcel.stage} is placed elsewhere", expected="a git repository, whose revision the worker checks out", found="none",
            do="git init, commit and push; or take the stage out of operations.placement",
        )  # fmt: skip
    if dirty and _dirty_beside(root):
        raise MtlError(
            f"{parcel.stage} is placed elsewhere", expected="changes of code and graph committed",
            found=f"changes in {_dirty_beside(root)}", do="commit and push them: the worker has its files from git",
        )  # fmt: skip


def _dirty_beside(root: Path) -> str:
    """The first changed file that a parcel does not bring along."""
    from mtl.registry.around import git

    own = [f":(exclude){name}" for name in FILES]
    changed = (git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *own) or "").strip()
    return changed.splitlines()[0] if changed else ""


def _until_done(client: SyncPrefectClient, run: UUID, placement: Placement, say: Say) -> FlowRun:
    """Look until it has ended for good; a crashed one may come back into the queue. Raises MtlError if nobody takes it."""
    waiting_since = time.monotonic()
    crashed_at: float | None = None
    while True:
        now = client.read_flow_run(run)
        state = now.state
        if is_stopping():
            _cancel(client, run)
            raise MtlError("stopped while a worker had it")
        if state is not None and state.is_crashed():
            crashed_at = crashed_at or time.monotonic()
            if time.monotonic() - crashed_at > SECOND_LIFE:
                return now
        elif state is not None and state.is_final():
            return now
        else:
            if crashed_at is not None:
                say("the worker's run had crashed; it is in the queue again")
            crashed_at = None
        if state is None or state.is_running() or _somebody_is_there(client, placement.pool):
            waiting_since = time.monotonic()
        elif time.monotonic() - waiting_since > placement.patience:
            _cancel(client, run)
            raise MtlError(
                f"no worker of pool {placement.pool} took the stage", expected=f"one within {placement.patience:g} s", found="none",
                do=f"start one: mtl worker {placement.pool}",
            )  # fmt: skip
        time.sleep(LOOK)


def _somebody_is_there(client: SyncPrefectClient, pool: str) -> bool:
    """Whether the pool has a worker at all: a busy one will come to this stage in its time."""
    return bool(_online(client, pool))


def _online(client: SyncPrefectClient, pool: str) -> list[Any]:
    workers = client.read_workers_for_work_pool(pool)
    return [worker for worker in workers if str(getattr(worker.status, "value", worker.status)).upper() == "ONLINE"]


def _cancel(client: SyncPrefectClient, run: UUID) -> None:
    from prefect.states import Cancelling

    client.set_flow_run_state(run, Cancelling())


def _answer(client: SyncPrefectClient, run: UUID) -> Answer:
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey

    found = client.read_artifacts(
        artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[ANSWER]), flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    )
    if not found:
        raise MtlError("the worker's run has ended", expected=f"its answer, an artifact {ANSWER!r}", found="none")
    newest = max(found, key=lambda one: str(one.created))
    return Answer(**json.loads(str(newest.data).strip().removeprefix("```json").removesuffix("```")))
