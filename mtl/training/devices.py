"""The device of a run, and the settings that make its bytes the same every time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from mtl.errors import TrainingError
from mtl.spec import Training
from mtl.training.memory import kept_memory

_DETERMINISTIC: Any = torch.utils.deterministic  # torch declares its attribute only at run time


def device_of(asked: str) -> torch.device:
    """`auto`: CUDA if there is one. Raises TrainingError if `cuda` is asked for and not there."""
    there = torch.cuda.is_available()
    if asked == "cuda" and not there:
        raise TrainingError(
            "training.device: cuda",
            expected="a CUDA device",
            found="none on this machine" if torch.version.cuda else f"none, and torch {torch.__version__} is built without CUDA",
            do="write device: auto or device: cpu, or run where there is a GPU",
        )
    return torch.device("cuda" if asked != "cpu" and there else "cpu")


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bf16 autocast: with `bf16`, and with `auto` on CUDA."""
    on = precision == "bf16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=on)


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Inside, torch computes on so many threads, whatever the machine has: how a sum is parted decides its last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def settings(training: Training) -> Iterator[torch.device]:
    """The run's device, with its threads, deterministic algorithms and a generator of its own; afterwards all as before."""
    device = device_of(training.device)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    strict = torch.are_deterministic_algorithms_enabled()
    fill = _DETERMINISTIC.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    _DETERMINISTIC.fill_uninitialized_memory = False  # a debugging aid that costs a pass over each new tensor
    try:
        generators = torch.random.fork_rng(devices=range(torch.cuda.device_count()) if device.type == "cuda" else [])
        with on_threads(training.threads), kept_memory(), generators:
            yield device
    finally:
        torch.use_deterministic_algorithms(strict)
        _DETERMINISTIC.fill_uninitialized_memory = fill


def seed_epoch(seed: int, epoch: int) -> torch.Generator:
    """Start all generators anew from seed and epoch, so that a run can go on at any epoch without their states.

    Returns a generator for the order of rows; dropout uses torch's own.
    """
    order = order_of(seed, epoch)
    torch.default_generator.manual_seed(order.initial_seed())  # `torch.manual_seed` takes 2 ms, for accelerators that are not there
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(order.initial_seed())
    return order


def draws(device: torch.device) -> list[Tensor]:
    """The states of torch's own generators, the CPU's and the device's: what the next dropout masks will be."""
    on_device = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [torch.get_rng_state(), *on_device]


@contextmanager
def drawn_again(device: torch.device, states: list[Tensor]) -> Iterator[None]:
    """Inside, torch's generators draw from these states of `draws` on; afterwards they go on from where they were."""
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device.type == "cuda" else []):
        torch.set_rng_state(states[0])
        if device.type == "cuda":
            torch.cuda.set_rng_state(states[1], device)
        yield


def order_of(seed: int, epoch: int) -> torch.Generator:
    """A generator for the order of rows in this epoch, of which torch's own notices nothing."""
    return torch.Generator().manual_seed(seed * 1_000_003 + epoch)
