"""mean: tasks' parameters near their mean (Evgeniou & Pontil 2004, "Regularized multi-task learning", KDD).

Their w_t = w_0 + v_t with a penalty on the v_t. At its optimum w_0 is, but for a factor, the mean of the w_t (their
lemma 2.2), which gives the form here, with the mean free of any penalty of its own: Ω = Σ_t ‖w_t − w̄‖². λ = 0 leaves
tasks alone, a large λ makes them one.
"""

from __future__ import annotations

from torch import Tensor


class Mean:
    """Ω = Σ_t ‖w_t − w̄‖²; ∂Ω/∂w_t = 2 (w_t − w̄), since the deviations' sum, by which w̄ would move, is 0."""

    @staticmethod
    def value(stack: Tensor) -> Tensor:
        return (stack - stack.mean(0)).square().sum()

    @staticmethod
    def gradient(stack: Tensor) -> Tensor:
        return 2 * (stack - stack.mean(0))
