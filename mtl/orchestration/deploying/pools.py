"""Work pools, and the limit that gives each GPU to one run at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

KIND = "process"
GPU_POOL = "gpu"
"""Pools whose name begins so have GPUs."""


def gpu_limit(pool: str, device: str) -> str:
    """Name of the limit of a GPU. It must exist before a run asks for it: Prefect's own default is to run unlimited."""
    return f"mtl-{pool}-{device}"


def make_pools(client: SyncPrefectClient, pools: Mapping[str, int]) -> list[str]:
    """Make each pool, or set its limit; what was done, in words."""
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
    from prefect.exceptions import ObjectNotFound

    done = []
    for name, limit in pools.items():
        try:
            known = client.read_work_pool(name)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=name, type=KIND, concurrency_limit=limit))
            done.append(f"pool {name}: made, {_runs(limit)}")
            continue
        if known.concurrency_limit != limit:
            client.update_work_pool(name, WorkPoolUpdate(concurrency_limit=limit))
            done.append(f"pool {name}: {_runs(limit)}")
    return done


def make_gpu_limits(client: SyncPrefectClient, pools: Mapping[str, int]) -> list[str]:
    """One limit of 1 for each device that the GPU pools' runs may name in CUDA_VISIBLE_DEVICES."""
    known = {limit.name: limit.limit for limit in client.read_global_concurrency_limits(limit=200, offset=0)}
    gpus = [gpu_limit(pool, str(number)) for pool, most in pools.items() if pool.startswith(GPU_POOL) for number in range(most)]
    missing = [name for name in gpus if known.get(name) != 1]
    for name in missing:
        client.upsert_global_concurrency_limit_by_name(name, 1)
    return [f"limit {name}: one run at a time" for name in missing]


def _runs(limit: int) -> str:
    return f"{limit} run{'s' if limit != 1 else ''} at a time"
