"""Whom to tell: the notification blocks of params.yaml on the server, found or made."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from mtl.errors import SpecError
from mtl.spec import Notify

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient


def find_blocks(client: SyncPrefectClient, project: str, told: Sequence[Notify]) -> list[tuple[UUID, tuple[str, ...]]]:
    """Id of each block, and of what it is told. Raises SpecError if one is not on the server, or a URL is not said."""
    return [(_block(client, project, number, one), one.on) for number, one in enumerate(told, 1)]


def _block(client: SyncPrefectClient, project: str, number: int, one: Notify) -> UUID:
    from prefect.exceptions import ObjectNotFound

    if one.webhook is not None:
        return _webhook(f"{project}-{number}".lower().replace("_", "-").replace(".", "-"), _url(one.webhook, number))
    kind, _, name = (one.block or "").partition("/")
    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise SpecError(
            f"params.yaml, operations.notify, number {number}: the block {one.block!r}", expected="a block that is on the server",
            found="none of that type and name", do="make it on the server's page Blocks, or with `prefect block create`",
        ) from None  # fmt: skip


def _webhook(name: str, url: str) -> UUID:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    said = {"title": "{{subject}}", "text": "{{body}}"}
    block = CustomWebhookNotificationBlock.model_validate(
        {"name": name, "url": "{{hook}}", "secrets": {"hook": url}, "json_data": said}  # the URL of a hook is its password
    )
    saved = block.save(f"mtl-{name}", overwrite=True)
    assert isinstance(saved, UUID), "a coroutine: this is called where no event loop runs"
    return saved


def _url(said: str, number: int) -> str:
    if not said.startswith("env:"):
        return said
    variable = said.removeprefix("env:")
    if not os.environ.get(variable):
        raise SpecError(
            f"params.yaml, operations.notify, number {number}", expected=f"a URL in the environment variable {variable}",
            found="nothing there", do=f"export {variable}=https://…",
        )  # fmt: skip
    return os.environ[variable]
