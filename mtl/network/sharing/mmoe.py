"""mmoe: multi-gate mixture of experts (Ma et al. 2018, KDD, doi:10.1145/3219819.3220007).

Experts f_i that all tasks share, and for each task a gate that reads the input (section 4.2):

    f^t(x) = Σ_i g^t(x)_i f_i(x),  g^t(x) = softmax(W_t x)

A task's head reads f^t. The paper's synthetic experiment and ours have 8 experts.
"""

from __future__ import annotations

from mtl.network.sharing.experts import Mixture


class MMoE(Mixture):
    """Options: `experts`."""
