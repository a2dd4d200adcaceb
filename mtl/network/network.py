"""The network: encoders and sharing give each task a representation, heads turn it into predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mtl.network.encoders import ENCODERS, Arrays, Encoder, Held
from mtl.network.heads import HEADS, Head
from mtl.network.plan import Encoded, Plan, plan_of
from mtl.network.ragged import together
from mtl.network.sharing import SHARINGS, Shared, TwoGuesses
from mtl.network.tokens import Reading, TokenRows, lengths_of, side_by_side
from mtl.spec import Model

Lists = Mapping[int, Tensor] | None
"""By place, of each task whose label is a list its numbers [batch, longest], 0 behind their end."""


@dataclass(frozen=True)
class Outputs:
    """What a batch becomes."""

    logits: dict[str, Tensor]
    """kind → [task of that kind, batch, member, out]; of tokens [task, batch, longest, member, out], −inf behind a row's end"""
    shared: Shared
    first: dict[str, Tensor] | None = None
    """The same of the heads' first guess, where they guess twice and the network trains."""


class Network(nn.Module):
    """One model of all tasks of `plan`. `sharing` overrides the one of `model`."""

    order: Tensor

    def __init__(self, plan: Plan, model: Model, sharing: str | None = None) -> None:
        super().__init__()
        self.plan, self.sharing = plan, sharing or model.sharing
        own = self.sharing == model.sharing
        self.model = model if own else model.model_copy(update={"sharing": self.sharing, "options": {}})
        self.body = SHARINGS[self.sharing](plan, self.model)
        self.kinds = plan.kinds
        widest = dict(plan.widest)
        self.heads = nn.ModuleDict(
            {
                kind: HEADS[kind]([plan.tasks[t] for t in at], model.width, widest[kind], model.members)
                for kind, at in self.kinds.items()
            }
        )
        view = self.body.view(plan)
        self._views = {kind: [view[t] for t in at] for kind, at in self.kinds.items()}
        self._most = max((size for kind, size in widest.items() if not HEADS[kind].of_tokens), default=1)
        place = [t for at in self.kinds.values() for t in at]
        self.register_buffer("order", torch.tensor([place.index(t) for t in range(len(place))]), persistent=False)

    def forward(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Outputs:
        """Tensors of each input with a leading dimension: [1, batch, …], or [task, batch, …] where tasks have own rows."""
        if self.plan.tagged:
            return self._with_tokens(inputs)
        shared = self.body(inputs)
        logits = {kind: self.heads[kind](self._seen(shared.seen, view)) for kind, view in self._views.items()}
        if not isinstance(self.body, TwoGuesses):
            return Outputs(logits, shared)
        told, into = self.body.exchange(shared, self._padded({kind: self.head(kind).told(of) for kind, of in logits.items()}))
        second = {kind: logits[kind] + self._moved(kind, _rows(told, at), into) for kind, at in self.kinds.items()}
        return Outputs(second, shared, logits if self.training else None)

    def _with_tokens(self, inputs: Mapping[str, Mapping[str, Tensor]]) -> Outputs:
        """The same where tasks tag tokens: what is shared runs for rows, and for the tokens of each tagged input."""
        rows = {name: self._token_rows(name, inputs[name]["tokens"]) for name in self.plan.tagged}
        plain = [kind for kind in self._views if not self.head(kind).of_tokens]
        reading = Reading(inputs, rows, pools=bool(plain) or len(rows) > 1)
        of_rows = self.body(reading) if plain else None
        of_tokens = {name: self.body(reading.of_tokens(name)) for name in rows}
        logits = {}
        for kind, view in self._views.items():
            if of_rows is not None and kind in plain:
                logits[kind] = self.heads[kind](self._seen(of_rows.seen, view))
            else:
                at, found = self._tagged(kind, rows, {name: one.seen for name, one in of_tokens.items()})
                logits[kind] = at.grid(found, -torch.inf)
        each = [one for one in (of_rows, *of_tokens.values()) if one is not None]
        wishes = [one.penalty for one in each if one.penalty is not None]
        return Outputs(logits, Shared(each[0].seen, None, sum(wishes[1:], wishes[0]) / len(wishes) if wishes else None))

    def _token_rows(self, name: str, tokens: Tensor) -> TokenRows:
        """The tokens of an input; where tasks have rows of their own, of those alone that tag it."""
        lengths = lengths_of(tokens)
        if len(lengths) > 1:
            lengths = lengths * torch.tensor([[task.tags == name] for task in self.plan.tasks])
        return TokenRows.of(lengths, tokens.device)

    def _tagged(self, kind: str, rows: Mapping[str, TokenRows], seen: Mapping[str, Tensor]) -> tuple[TokenRows, Tensor]:
        """Which tokens the tasks of this kind read, and the logits of each, [task, token, member, out].

        Where they read several inputs, each task's product is of its own tokens: the last bit of a product may hang on how many
        rows it has.
        """
        head, tasks, view = self.head(kind), self.kinds[kind], self._views[kind]
        names = [self.plan.tasks[t].tags for t in tasks]
        if len(set(names)) == 1:
            return rows[names[0]].only(tasks), head(self._seen(seen[names[0]], view))
        each = []
        for place, (name, task, at) in enumerate(zip(names, tasks, view, strict=True)):
            each.append((rows[name].only([task]), head.product(self._seen(seen[name], [at]), slice(place, place + 1))))
        return side_by_side(each)

    def _moved(self, kind: str, told: Tensor, into: Tensor) -> Tensor:
        """By how much logits move where the representation moves by told @ into: heads are linear in it."""
        slopes = into @ self.head(kind).slopes()  # [task, size, out] or [task, member, size, out]
        return torch.einsum("tbms,tso->tbmo" if slopes.dim() == 3 else "tbms,tmso->tbmo", told, slopes)

    def losses(self, outputs: Outputs, targets: Tensor, mask: Tensor, lists: Lists = None, *, judged: bool = False) -> Tensor:
        """Sum of each task's loss over its labels, [task]; targets and mask (0/1) [task, batch], `lists` the labels that are lists.

        Members learn each for itself: a loss is the mean of theirs; when the network predicts (evaluation mode), that of their
        mean prediction.
        Rows without a label add exactly 0, to the loss and to every gradient. Where heads guess twice, a training loss is
        that of both, (second + a · first) / (1 + a), so that it stays of the size that one has. `judged`: what early stopping
        reads instead (`Head.judged`).
        """
        second = self._losses(outputs.logits, targets, mask, lists, judged)
        if outputs.first is None or not isinstance(self.body, TwoGuesses):
            return second
        a = self.body.first_weight
        return (second + a * self._losses(outputs.first, targets, mask, lists, judged)) / (1 + a)

    def _losses(self, logits: Mapping[str, Tensor], targets: Tensor, mask: Tensor, lists: Lists, judged: bool) -> Tensor:
        found = []
        for kind, at in self.kinds.items():
            wide = torch.promote_types(logits[kind].dtype, torch.float32)  # of bf16, not of float64
            head, known = self.head(kind), logits[kind].to(wide)
            labels = together([(lists or {})[t] for t in at]) if head.listed else _rows(targets, at)
            there = _rows(mask, at)
            if judged:
                each = head.judged(known, labels)
            else:
                pooled = known.shape[-2] > 1 and not self.training
                each = head.loss_together(head.pooled(known) if pooled else known, labels, there).mean(-1)
            found.append((each * there).sum(1))
        return self._by_task(found)

    def imitation(self, outputs: Outputs, soft: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
        """Sum over the rows of `mask` [task, batch] of each task's distance to what another network says, [task].

        `soft` [task, batch, class] are its `predictions` at the same temperature; a cross-entropy of softened classes is
        times temperature², so that its gradient keeps its size (Hinton 2015, section 2).
        """
        found = []
        for kind, at in self.kinds.items():
            head = self.head(kind)
            heat, size = temperature if head.of_classes else 1.0, dict(self.plan.widest)[kind]
            each = head.imitation(outputs.logits[kind].float() / heat, _rows(soft, at)[..., :size])
            found.append((each.mean(-1) * _rows(mask, at)).sum(1) * heat**2)
        return self._by_task(found)

    def predictions(self, outputs: Outputs, temperature: float = 1.0) -> Tensor:
        """One number or probabilities of each task and row, [task, batch, class], padded with 0; the mean over members."""
        heat = {kind: temperature if self.head(kind).of_classes else 1.0 for kind in self.kinds}
        asked = {kind: of.float() / heat[kind] for kind, of in outputs.logits.items()}
        nothing = {kind: of.new_zeros(*of.shape[:2], of.shape[-2]) for kind, of in asked.items() if not self.head(kind).taught}
        said = {kind: self.head(kind).predictions(of) for kind, of in asked.items() if kind not in nothing} | nothing
        return self._padded(said).mean(2)

    def _by_task(self, found: list[Tensor]) -> Tensor:
        """One [task of that kind, …] for each kind → [task, …]."""
        return found[0] if len(found) == 1 else torch.cat(found)[self.order]

    def _padded(self, said: Mapping[str, Tensor]) -> Tensor:
        """What each member predicts, by kind → [task, batch, member, classes]: one number or probabilities, padded with 0."""
        found = []
        for kind in self.kinds:
            guess = said[kind].unsqueeze(-1) if said[kind].dim() == 3 else said[kind]
            found.append(functional.pad(guess, (0, self._most - guess.shape[-1])))
        return self._by_task(found)

    def decode(self, outputs: Outputs) -> list[Tensor]:
        """For each task its prediction [batch], or probabilities [batch, class]; tags of tokens int64 [batch, longest], from 1,
        0 behind a row's end."""
        found = self._each_task({kind: self.head(kind).decode(outputs.logits[kind].double()) for kind in self.kinds})
        return [one for one in found if one is not None]

    def spread(self, outputs: Outputs) -> list[Tensor | None]:
        """For each task the standard deviation over members of what `decode` gives, None of tags; for two members or more."""
        kinds = [kind for kind in self.kinds if not self.head(kind).of_tokens]
        return self._each_task({kind: self.head(kind).spread(outputs.logits[kind].double()) for kind in kinds})

    def _each_task(self, of_kinds: Mapping[str, Tensor]) -> list[Tensor | None]:
        """kind → [task of that kind, batch, …] as one tensor a task, without the classes that it does not have; None of kinds that
        are not there."""
        found: dict[int, Tensor] = {}
        for kind, decoded in of_kinds.items():
            at = self.kinds[kind]
            many = decoded.dim() == 3 and not self.head(kind).of_tokens
            found |= {t: decoded[i, :, : self.plan.tasks[t].answers] if many else decoded[i] for i, t in enumerate(at)}
        return [found.get(t) for t in range(len(self.plan.tasks))]

    @staticmethod
    def _seen(x: Tensor, view: list[int]) -> Tensor:
        """What the tasks of one kind read: [1, …] where all read the same, else [task, …]."""
        if len(x) == 1:
            return x
        return x[view[0] : view[0] + 1] if len(set(view)) == 1 and len(view) > 1 else _rows(x, view)

    def head(self, kind: str) -> Head:
        return cast(Head, self.heads[kind])

    def owners(self) -> dict[str, list[int]]:
        """Parameter → the tasks along its first dimension; an empty list where all tasks share it.

        Where units of tasks share nothing with each other (groups of a shared bottom), a unit's first task stands for it.
        """
        everyone, units = list(range(len(self.plan.tasks))), self.units
        leaders = [unit[0] for unit in units] if len(units) > 1 else []
        owned = tuple(f"body.{start}" for start in self.body.private)
        return {
            name: self.kinds[name.split(".")[1]] if name.startswith("heads.") else everyone if name.startswith(owned) else leaders
            for name, _ in self.named_parameters()
        }

    @property
    def units(self) -> list[list[int]]:
        """Tasks that share with each other and with nobody else."""
        return self.body.units(self.plan)

    def stacked(self) -> dict[str, list[int]]:
        """Parameter → the tasks along its first dimension, also where other tasks' losses move it; else an empty list."""
        everyone = list(range(len(self.plan.tasks)))
        also = tuple(f"body.{start}" for start in self.body.stacked)
        return {name: of or (everyone if name.startswith(also) else []) for name, of in self.owners().items()}

    def own_rates(self) -> dict[str, float]:
        """Parameter → its own learning rate, where that is not the training's."""
        encoders = [(at, module) for at, module in self.named_modules() if isinstance(module, Encoder)]
        return {f"{at}.{name}": rate for at, encoder in encoders for name, rate in encoder.own_rates().items()}

    def shared_parameters(self) -> list[nn.Parameter]:
        """The parameters where the tasks' gradients meet."""
        private = ("heads.", *(f"body.{start}" for start in self.body.private))
        return [parameter for name, parameter in self.named_parameters() if not name.startswith(private)]

    @torch.no_grad()
    def only(self, tasks: Sequence[int]) -> Network:
        """The same network for some of its tasks, weights and all. Raises ValueError where tasks cannot be taken apart."""
        if self.body.entwined and list(tasks) != list(range(len(self.plan.tasks))):
            raise ValueError(f"{self.sharing}: what one task predicts rests on the others, so none can be taken out alone")
        chosen = Network(self.plan.only(tasks), self.model, self.sharing).to(self.device)
        state = dict(self.named_parameters())
        rows = rows_of(self.owners(), tasks)
        for name, parameter in chosen.named_parameters():
            parameter.copy_(state[name] if rows[name] is None else state[name][rows[name]])
        for kind, at in chosen.kinds.items():
            for place, t in enumerate(at):
                chosen.head(kind).take_over(place, self.head(kind), self.kinds[kind].index(tasks[t]))
        return chosen.train(self.training)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def gates(self, inputs: Mapping[str, Mapping[str, Tensor]] | None = None) -> dict[str, list[float]]:
        """Task → its gate after each layer, or its mean weight over the rows of `inputs` of each expert; empty where the
        sharing mixes nothing."""
        gates = self.body.gates(inputs)
        return {} if gates is None else {t.name: row for t, row in zip(self.plan.tasks, gates.tolist(), strict=True)}


def build_network(encodings: Encoded, model: Model, *, sharing: str | None = None) -> Network:
    """The network for these encodings. Its weights come from torch's generator: the same seed, the same weights."""
    return Network(plan_of(encodings), model, sharing)


def input_tensors(plan: Plan, arrays: Mapping[str, Arrays]) -> dict[str, Held]:
    """Each input's arrays [rows, …] as the tensors its encoder reads; an input that is not there counts as absent."""
    rows = len(next(iter(next(iter(arrays.values())).values())))
    return {one.name: ENCODERS[one.kind].tensors(one, arrays.get(one.name), rows) for one in plan.inputs}


def rows_of(owners: Mapping[str, list[int]], tasks: Sequence[int]) -> dict[str, list[int] | None]:
    """Parameter → the rows of its first dimension that belong to `tasks`; None where all tasks share it."""
    return {name: [of.index(t) for t in tasks if t in of] if of else None for name, of in owners.items()}


def _rows(x: Tensor, at: list[int]) -> Tensor:
    """Rows `at` of x; a plain slice where each follows the one before (`[0, 0, 2]` only begins and ends like one)."""
    one_by_one = at == list(range(at[0], at[0] + len(at)))
    return x[at[0] : at[0] + len(at)] if one_by_one else x[at]
