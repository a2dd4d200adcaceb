"""`mtl arrived SOURCE`: the event that an automation answers with a retraining."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mtl.orchestration.events import ARRIVED, resource
from mtl.orchestration.server_of import use_server
from mtl.serving.arrival import known_source
from mtl.spec import SPEC, read_spec


def arrived(root: Path, source: str) -> None:
    """Send the event. Raises SpecError for an unknown source, MtlError if there is no server."""
    spec = read_spec(root / SPEC)
    known_source(spec, source)
    url = use_server(root.resolve())
    from prefect.events import Event, Resource, get_events_client

    said = Event(event=ARRIVED, resource=Resource(resource(spec.name, source)), payload={"text": f"{source} has new data"})

    async def send() -> None:
        async with get_events_client() as client:
            await client.emit(said)

    asyncio.run(send())
    print(f"told {url.removesuffix('/api')} that {source} has new data")
