"""message_passing: heads guess, tasks tell each other what they found, heads guess again.

The form is PAD-Net's (Xu, Ouyang, Wang & Sebe 2018, arXiv:1805.04409): first predictions of all tasks from a shared
trunk, a module in which each task takes messages from the others, final predictions, and a loss on both (deep
supervision, their section 3.4; also MTI-Net, Vandenhende et al. 2020, arXiv:2001.06902). Messages are weighed by
attention among tasks, as in InvPT (Ye & Xu 2022, arXiv:2203.07997), instead of one matrix for every pair of tasks:

    token_t   = SiLU(h_t A_t + guess_t U_t)                  what task t found in this row: its view of the trunk, its guess
    message_i = Σ_j softmax_j(q_i · k_j / √d) v_j            q, k, v linear in the tokens, j over the tasks that i may hear
    h'_i      = h_i + message_i O                            read by the same heads

O begins at 0: both guesses are then the same. Heads being linear, h' is never made: a second guess is the first one's
logits, moved by message_i (O W_i) with W_i the head's weight, a few numbers a task instead of its whole width. A guess is
told as it is read (a value, probabilities), without a gradient back into the head that made it: a head learns from its own
task alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.layers import StackedLinear
from mtl.network.plan import Plan
from mtl.network.sharing.base import Messages, Shared, TwoGuesses
from mtl.network.sharing.branch import Branch
from mtl.network.sharing.hearing import circles, in_order, pick
from mtl.spec import Model


class MessagePassing(TwoGuesses):
    """A shared trunk and an exchange behind it. Gradients meet at the parameters: the exchange has shared ones, too."""

    entwined = True
    stacked = ("view_of", "guess_of")
    mixing = stacked

    def __init__(self, plan: Plan, model: Model) -> None:
        super().__init__(plan, model)
        tasks, size = len(plan.tasks), int(model.option("message"))
        self.first_weight = model.option("first")
        self.shared = Branch(plan, model, 1, plan.groups)
        self.view_of = StackedLinear(tasks, model.width, size)
        self.guess_of = StackedLinear(tasks, max(classes for _, classes in plan.widest), size)
        self.ask = nn.Linear(size, 3 * size)
        self.tell_weight = nn.Parameter(torch.zeros(size, model.width))
        self.circles = circles(plan)
        self._group = [plan.groups.index(task.inputs) for task in plan.tasks]

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Shared:
        """Seen [group, batch, member, width]: what the first guess is made of."""
        return Shared(self.shared(inputs), None)

    def view(self, plan: Plan) -> list[int]:
        return [plan.groups.index(task.inputs) for task in plan.tasks]

    def exchange(self, shared: Shared, guesses: Tensor) -> Messages:
        """Guesses [task, batch, member, classes] → what each task was told, and how it moves what its head reads."""
        tasks, batch, member, _ = guesses.shape
        told = guesses.detach()
        tokens = functional.silu(self._views(shared.seen, member) + self.guess_of(told).flatten(1, 2).transpose(0, 1))
        query, key, value = self.ask(tokens).chunk(3, dim=-1)
        parts = [_attended(pick(query, hearers, 1), pick(key, heard, 1), pick(value, heard, 1)) for hearers, heard in self.circles]
        messages = in_order(parts, self.circles, 1).transpose(0, 1)
        return Messages(messages.view(tasks, batch, member, messages.shape[-1]), self.tell_weight)

    def _views(self, h: Tensor, member: int) -> Tensor:
        """Each task's view of the trunk, [batch · member, task, size]; of one trunk for all, in one product."""
        h = h.expand(-1, -1, member, -1)
        if len(h) > 1:
            views: Tensor = self.view_of(h[self._group])
            return views.flatten(1, 2).transpose(0, 1)
        weight = self.view_of.weight
        tasks, width, size = weight.shape
        flat = weight.transpose(0, 1).reshape(width, tasks * size)
        return torch.addmm(self.view_of.bias.flatten(), h.flatten(0, 2), flat).view(-1, tasks, size)


def _attended(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """[row, task, size] each → Σ_j softmax_j(q_i · k_j / √size) v_j, [row, task that asks, size]."""
    weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(query.shape[-1]), dim=-1)
    return weights @ value
