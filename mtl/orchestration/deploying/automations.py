"""What the server does by itself: end silent runs, begin crashed ones again, retrain on drift and new data, tell people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from mtl.orchestration.events import ARRIVED, DRIFTED, FAILURES, REFUSED
from mtl.services.programs import HEARTBEAT

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events import AutomationCore

SILENT = timedelta(seconds=3 * HEARTBEAT)
"""After so long without a sign of life a run has crashed: three heartbeats."""
GONE = "no heartbeat for 90 s: its process or machine is gone"
ENDS = ("Completed", "Cancelled", *FAILURES)
ON_EVENT = "retrain/on-event"
"""The deployment that drift and new data begin."""
GO_ON = ("retrain", "stage")
"""Flows that go on from a checkpoint after a crash."""
FAILED, REFUSAL, DRIFT = "failure", "refusal", "drift"

Blocks = Sequence[tuple[UUID, tuple[str, ...]]]


def make_automations(client: SyncPrefectClient, project: str, deployments: Mapping[str, UUID], blocks: Blocks) -> list[str]:
    """Make each, or bring it up to date; those that nobody asks for any more go. What was done, in words.

    deployments: `flow/name` -> id.
    """
    wanted = {one.name: one for one in _wanted(project, deployments, blocks)}
    known = {one.name: one for one in client.read_automations() if one.name.startswith(f"{project}: ")}
    for name, automation in wanted.items():
        if name in known:
            client.update_automation(known[name].id, automation)
        else:
            client.create_automation(automation)
    gone = [name for name in known if name not in wanted]
    for name in gone:
        client.delete_automation(known[name].id)
    made = [f"automation {name}" for name in wanted if name not in known]
    return made + [f"automation {name}: removed" for name in gone]


def _wanted(project: str, deployments: Mapping[str, UUID], blocks: Blocks) -> list[AutomationCore]:
    found = [_crashed_if_silent(project, list(deployments.values()))]
    found += [_again_if_crashed(project, name, one) for name, one in deployments.items() if name.partition("/")[0] in GO_ON]
    if ON_EVENT in deployments:
        found.append(_retrain_on(project, DRIFTED, "retrain on drift", deployments[ON_EVENT]))
        found.append(_retrain_on(project, ARRIVED, "retrain on new data", deployments[ON_EVENT]))
    for number, (block, on) in enumerate(blocks, 1):
        found += [_tell(project, number, block, what, list(deployments.values())) for what in on]
    return found


def _crashed_if_silent(project: str, deployments: Sequence[UUID]) -> AutomationCore:
    """A run whose machine has died stays `Running` for ever, and holds its slot, unless somebody looks."""
    from prefect.client.schemas.objects import StateType
    from prefect.events import AutomationCore, EventTrigger, Posture
    from prefect.events.actions import ChangeFlowRunState

    heartbeat = "prefect.flow-run.heartbeat"
    return AutomationCore(
        name=f"{project}: silent runs have crashed", description="A run without a heartbeat for 90 s is gone; its slot comes free.",
        trigger=EventTrigger(
            after={heartbeat}, expect={heartbeat, *(f"prefect.flow-run.{end}" for end in ENDS)},
            match={"prefect.resource.id": "prefect.flow-run.*"}, match_related=_of(deployments),
            for_each={"prefect.resource.id"}, posture=Posture.Proactive, threshold=1, within=SILENT,
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=GONE, force=False)],
    )  # fmt: skip


def _again_if_crashed(project: str, name: str, deployment: UUID) -> AutomationCore:
    """The same run is put back into the queue; it goes on from the last checkpoint. The flow itself counts how often."""
    from prefect.client.schemas.objects import StateType
    from prefect.events import AutomationCore, EventTrigger, Posture
    from prefect.events.actions import ChangeFlowRunState

    return AutomationCore(
        name=f"{project}: {name} again after a crash", description="Back into the queue; training goes on from its checkpoint.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"}, match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=_of([deployment]), posture=Posture.Reactive, threshold=1, within=timedelta(0),
        ),
        actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="again after a crash", force=True)],
    )  # fmt: skip


def _retrain_on(project: str, event: str, name: str, deployment: UUID) -> AutomationCore:
    from prefect.events import AutomationCore, EventTrigger, Posture
    from prefect.events.actions import RunDeployment

    return AutomationCore(
        name=f"{project}: {name}", description=f"{event} of this project begins a retraining.",
        trigger=EventTrigger(
            expect={event}, match={"mtl.project": project}, posture=Posture.Reactive, threshold=1, within=timedelta(0)
        ),
        actions=[RunDeployment(source="selected", deployment_id=deployment, parameters=None, job_variables=None)],
    )  # fmt: skip


def _tell(project: str, number: int, block: UUID, what: str, deployments: Sequence[UUID]) -> AutomationCore:
    """One notification: of a run that failed or crashed in the words of its state, of an event in the event's own."""
    from prefect.events import AutomationCore, EventTrigger, Posture
    from prefect.events.actions import SendNotification

    if what == FAILED:
        states: dict[str, Any] = {
            "expect": {f"prefect.flow-run.{state}" for state in FAILURES},
            "match": {"prefect.resource.id": "prefect.flow-run.*"}, "match_related": _of(deployments),
        }  # fmt: skip
        subject = project + ": {{ flow.name }} {{ flow_run.state.name }}"
        body = "{{ flow_run.name }}: {{ flow_run.state.message }}"
    else:
        event, said = (REFUSED, "the candidate was refused") if what == REFUSAL else (DRIFTED, "a batch has drifted")
        states = {"expect": {event}, "match": {"mtl.project": project}}
        subject, body = f"{project}: {said}", "{{ event.payload.text }}"
    return AutomationCore(
        name=f"{project}: tell {number} of {what}",
        trigger=EventTrigger(**states, posture=Posture.Reactive, threshold=1, within=timedelta(0)),
        actions=[SendNotification(block_document_id=block, subject=subject, body=body)],
    )


def _of(deployments: Sequence[UUID]) -> dict[str, Any]:
    """Runs of these deployments, and no other project's on the same server."""
    ids = [f"prefect.deployment.{deployment}" for deployment in deployments]
    return {"prefect.resource.role": "deployment", "prefect.resource.id": ids}
