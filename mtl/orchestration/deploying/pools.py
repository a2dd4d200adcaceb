"""Work pools, and how many runs each has at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

KIND = "process"


def make_pools(client: SyncPrefectClient, pools: Mapping[str, int]) -> list[str]:
    """Make each pool, or set its limit; what was done, in words."""
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectAlreadyExists

    done = []
    for name, limit in pools.items():
        try:
            client.create_work_pool(WorkPoolCreate(name=name, type=KIND, concurrency_limit=limit))
            done.append(f"pool {name}: made, {_runs(limit)}")
            continue
        except ObjectAlreadyExists:  # not asked for beforehand: a worker that starts makes its pool, perhaps just now
            known = client.read_work_pool(name)
        if known.concurrency_limit != limit:
            client.update_work_pool(name, WorkPoolUpdate(concurrency_limit=limit))
            done.append(f"pool {name}: {_runs(limit)}")
    return done


def _runs(limit: int) -> str:
    return f"{limit} run{'s' if limit != 1 else ''} at a time"
