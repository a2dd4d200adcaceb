"""The event that an automation answers with a retraining; `mtl arrived SOURCE` sends it by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

from mtl.orchestration.events import ARRIVED, resource
from mtl.orchestration.server_of import use_server
from mtl.serving.arrival import known_source
from mtl.spec import SPEC, Spec, read_spec


def arrived(root: Path, source: str) -> None:
    """Send the event by hand. Raises SpecError for an unknown source, MtlError if there is no server."""
    spec = read_spec(root / SPEC)
    known_source(spec, source)
    print(f"told {tell(root, spec, source, f'{source} has new data')} that {source} has new data")


def tell(root: Path, spec: Spec, source: str, text: str) -> str:
    """Send the event; the server's address. Raises MtlError if there is no server."""
    url = use_server(root.resolve())
    from prefect.events import Event, Resource, get_events_client

    said = Event(event=ARRIVED, resource=Resource(resource(spec.name, source)), payload={"text": text})

    async def send() -> None:
        async with get_events_client() as client:
            await client.emit(said)

    asyncio.run(send())
    return url.removesuffix("/api")
