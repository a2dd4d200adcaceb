"""Memory that a step frees stays for the next one."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
from contextlib import nullcontext
import torch
from mtl.training.memory import kept_memory

def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        held = [torch.zeros(3_000_000) for _ in range(4)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with kept_memory() if sys.argv[1] == "kept" else nullcontext():
    faults(2)
    print(faults(10))
"""
PAGES = 10 * 4 * 3_000_000 * 4 // 4096


def faults(memory: str) -> int:
    """Page faults of ten rounds of four tensors, after two of them, in a heap of their own.

    It starts with glibc's first threshold and keeps it until it is told another: by itself glibc raises it at the first block
    that is freed, and whether it then gives back what lies on top of the heap hangs on what else lies there.
    """
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, memory],
        capture_output=True, text=True, check=True, env=os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**17)},
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_tensors_of_some_megabytes_cost_their_page_faults_once() -> None:
    kept, given_back = faults("kept"), faults("given back")
    assert given_back > 0.9 * PAGES  # each of them every time: what is to be saved
    assert kept < PAGES / 20
