"""Memory of the training process: what a step frees, the next one takes again."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's mallopt(3)."""
KEPT, LARGEST = 2**31 - 1, 2**30
"""Bytes that may lie free before glibc gives any back; size from which a block is mapped for itself."""


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within it, glibc keeps what tensors free.

    By itself it gives blocks of some megabytes back to the system as soon as they are free, and every step then takes
    them anew, a page fault for each 4 KiB: of ten networks side by side, width 256 and batch 1024, a sixth of the time.
    Afterwards the spare memory goes back, the thresholds stay (they cannot be read). Elsewhere than with glibc nothing
    happens.
    """
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        yield
        return
    libc.mallopt(M_TRIM_THRESHOLD, KEPT)
    libc.mallopt(M_MMAP_THRESHOLD, LARGEST) or libc.mallopt(M_MMAP_THRESHOLD, 2**25)  # older ones take no more than 32 MiB
    try:
        yield
    finally:
        libc.malloc_trim(0)
