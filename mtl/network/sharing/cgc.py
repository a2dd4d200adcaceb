"""cgc: customized gate control (Tang et al. 2020, RecSys, doi:10.1145/3383313.3412236, section 4.1).

MMoE in which some experts belong to one task: task t mixes the shared experts and its own, and sees no other task's:
g^t(x) = softmax(W_t x) over [E_t,1 … E_t,m, E_s,1 … E_s,n].
"""

from __future__ import annotations

from mtl.network.sharing.experts import Mixture


class CGC(Mixture):
    """Options: `experts` (shared ones) and `own_experts` (of each task)."""
