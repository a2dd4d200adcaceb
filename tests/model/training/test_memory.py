"""Memory that a step frees stays for the next one."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from mtl.training.memory import kept_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_tensors_of_some_megabytes_cost_their_page_faults_once() -> None:
    def faults(rounds: int) -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(rounds):
            held = [torch.zeros(3_000_000) for _ in range(4)]
            del held
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with kept_memory():
        first = faults(2)
        again = faults(10)
    pages = 10 * 4 * 3_000_000 * 4 // 4096
    # One tensor of the forty may still find no room and grow the heap: that is two percent.
    assert again < pages / 10, f"{again} page faults for {pages} pages in ten rounds, after {first} in the first two"
