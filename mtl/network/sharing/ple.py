"""ple: progressive layered extraction (Tang et al. 2020, RecSys, doi:10.1145/3383313.3412236, section 4.2).

CGC in several levels. In each a task mixes its own and the shared experts; its next level's experts and gate read that
mix. Between levels there is a shared part too, whose gate mixes all experts of the level, every task's included;
the next level's shared experts read it. One level is `cgc`; the default is two.
"""

from __future__ import annotations

from mtl.network.sharing.experts import Mixture


class PLE(Mixture):
    """Options: `experts` and `own_experts` of each level, `levels`. The model's depth must be at least `levels`."""

    entwined = True
