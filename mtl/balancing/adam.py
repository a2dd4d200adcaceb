"""Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1) for the one number a task that a balancing moves by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Adam(nn.Module):
    """Decay is added to the gradient. A task that is absent stands still, and so do its moments and its count of steps."""

    mean: Tensor
    square: Tensor
    steps: Tensor

    def __init__(self, tasks: int, lr: float, decay: float = 0.0) -> None:
        super().__init__()
        self.lr, self.decay = lr, decay
        for name in ("mean", "square", "steps"):
            self.register_buffer(name, torch.zeros(tasks))

    @torch.no_grad()
    def step(self, value: Tensor, grad: Tensor, present: Tensor) -> None:
        """Move `value` [task] against `grad` [task] where `present` [task], in place."""
        grad = grad + self.decay * value
        (first, second), steps = BETAS, self.steps + 1
        mean = first * self.mean + (1 - first) * grad
        square = second * self.square + (1 - second) * grad.square()
        moved = value - self.lr * (mean / (1 - first**steps)) / ((square / (1 - second**steps)).sqrt() + EPSILON)
        for old, new in ((self.mean, mean), (self.square, square), (self.steps, steps), (value, moved)):
            old.copy_(torch.where(present, new, old))
