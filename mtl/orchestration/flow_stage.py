"""The flow `stage`: one stage on a worker of its pool, handed over by a retraining or asked for by a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from mtl.errors import MtlError
from mtl.orchestration.events import WRONG_SPEC
from mtl.orchestration.flow import bring_up_to_date, too_many_lives
from mtl.orchestration.local import prepare_environment
from mtl.orchestration.placement.parcel import Answer, Parcel
from mtl.orchestration.placement.receiver import receive
from mtl.orchestration.placement.sender import ANSWER


@flow(name="stage")
def stage(stage: str, root: str = ".", parcel: dict[str, Any] | None = None) -> State[Any]:
    """Run `stage` in this worker's checkout. Without a parcel: bring it, and what it needs, up to date here."""
    where = Path(root).resolve()
    prepare_environment(where)
    if tired := too_many_lives():
        return tired
    if parcel is None:
        return bring_up_to_date(where, targets=[stage])
    try:
        done = receive(where, Parcel.read(parcel), get_run_logger().info)
    except MtlError as error:
        return Failed(message=str(error), name=WRONG_SPEC if error.exit_code == 2 else "Failed")
    if not isinstance(done, Answer):
        return Failed(message=done.message, name=WRONG_SPEC if done.exit_code == 2 else "Failed")
    text = json.dumps(done.as_json(), ensure_ascii=False)
    create_markdown_artifact(key=ANSWER, markdown=f"```json\n{text}\n```", description=f"{stage}: its entry of dvc.lock.")
    return Completed(message=f"{stage}: {done.what} ({done.seconds:.1f} s)")
