"""Sharing: how tasks share what they learn. One way a file."""

from __future__ import annotations

from mtl.network.sharing.base import Shared, Sharing, TwoGuesses
from mtl.network.sharing.cgc import CGC
from mtl.network.sharing.cross_stitch import CrossStitch
from mtl.network.sharing.dselect_k import DSelectK
from mtl.network.sharing.hybrid import Hybrid
from mtl.network.sharing.message_passing import MessagePassing
from mtl.network.sharing.mmoe import MMoE
from mtl.network.sharing.ple import PLE
from mtl.network.sharing.separate import Separate
from mtl.network.sharing.shared_bottom import SharedBottom
from mtl.network.sharing.task_conditioned import TaskConditioned

SHARINGS: dict[str, type[Sharing]] = {
    "shared_bottom": SharedBottom,
    "separate": Separate,
    "hybrid": Hybrid,
    "cross_stitch": CrossStitch,
    "task_conditioned": TaskConditioned,
    "message_passing": MessagePassing,
    "mmoe": MMoE,
    "cgc": CGC,
    "ple": PLE,
    "dselect_k": DSelectK,
}

__all__ = ["SHARINGS", "Shared", "Sharing", "TwoGuesses"]
