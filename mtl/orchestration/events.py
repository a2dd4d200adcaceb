"""The events that flows emit and automations wait for: a refused candidate, a drifted batch, new data."""

from __future__ import annotations

from typing import Any, Final

REFUSED: Final = "mtl.candidate.refused"
DRIFTED: Final = "mtl.batch.drifted"
ARRIVED: Final = "mtl.source.arrived"
"""Anyone may send it (`mtl arrived SOURCE`, or a POST to the server's /api/events): the next retraining then begins at once."""


WRONG_SPEC: Final = "Wrong spec"
"""Name of a failed state that no retry can mend; ends with exit code 2."""
FAILURES: Final = ("Failed", "Crashed", "TimedOut", WRONG_SPEC)
"""Names of states in which a run has failed; Prefect's events are called after them."""


def emit(event: str, project: str, thing: str, text: str, **payload: Any) -> None:
    """Emit `event` about `thing` (a source, a version) of `project`; `text` is what a notification says."""
    from prefect.events import emit_event

    emit_event(event=event, resource=resource(project, thing), payload={"text": text, **payload})


def resource(project: str, thing: str) -> dict[str, str]:
    """What Prefect calls the resource of an event."""
    return {"prefect.resource.id": f"mtl.{project}.{thing}", "prefect.resource.name": f"{project}: {thing}", "mtl.project": project}
