"""GPUs of a worker: one run has one, and a stage that needs one says before it starts that there is none."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from mtl.errors import TrainingError
from mtl.spec import Spec

GPU_POOL = "gpu"
"""Pools whose name begins so have GPUs."""
LEASE = 90.0
"""Seconds after which the device of a run that has died is free."""
VISIBLE = "CUDA_VISIBLE_DEVICES"
POOL = "MTL_POOL"
"""Environment variable by which a worker tells its runs their pool."""


@contextmanager
def own_devices(env: Mapping[str, str]) -> Iterator[None]:
    """Hold each device that CUDA_VISIBLE_DEVICES names, in a pool of GPUs; waits until they are free."""
    pool, said = os.environ.get(POOL, ""), env.get(VISIBLE, os.environ.get(VISIBLE, ""))
    devices = [device.strip() for device in said.split(",") if device.strip()] if pool.startswith(GPU_POOL) else []
    with ExitStack() as held:
        if devices:
            from prefect.concurrency.sync import concurrency

            names = [_limit(device) for device in devices]
            held.enter_context(concurrency(names, occupy=1, strict=True, lease_duration=LEASE))
        yield


def _limit(device: str) -> str:
    """Name of the limit of this machine's device, which is made if need be: Prefect's default without one is to run unlimited."""
    from prefect.client.orchestration import get_client

    name = f"mtl-{socket.gethostname()}-gpu-{device}"
    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(name, 1)
    return name


def must_have_gpu(spec: Spec, env: Mapping[str, str]) -> str:
    """What is said of the GPU before the stage starts. Raises TrainingError if the spec asks for one and there is none."""
    found = _listed(env)
    if found:
        return f"GPU: {'; '.join(found)}"
    if spec.training.device != "cuda":
        return "no GPU here: trains on the CPU (training.device is not `cuda`)"
    raise TrainingError(
        "the stage is placed on a GPU", expected="a GPU that nvidia-smi lists", found="none on this worker",
        do="place it elsewhere (operations.placement), give the worker one, or write `training: {device: auto}`",
    )  # fmt: skip


def _listed(env: Mapping[str, str]) -> list[str]:
    """Names of the devices, as the driver says them; none without a driver, or where CUDA_VISIBLE_DEVICES hides all."""
    command = shutil.which("nvidia-smi")
    visible = env.get(VISIBLE, os.environ.get(VISIBLE))
    if command is None or visible in ("", "-1"):
        return []
    only = [f"--id={visible}"] if visible else []
    done = subprocess.run(
        [command, "--query-gpu=name", "--format=csv,noheader", *only], capture_output=True, text=True, check=False, timeout=30
    )
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []
