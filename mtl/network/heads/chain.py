"""Linear chains over tokens: the likelihood of a tag sequence, and the best one (Lafferty, McCallum & Pereira 2001, "Conditional
Random Fields").

The score of tags y over tokens 1 … n is  start[y_1] + Σ_i emission_i[y_i] + Σ_i follow[y_{i−1}, y_i];  their probability is
its exponential as a share of that of all sequences. What may not be, −inf in `start` or `follow`, has no part in either.
The sum over all sequences is made token by token (forward algorithm), each step one matrix product of numbers scaled by
their largest: a step then costs what a small layer does, and no [tag, tag] table a row is kept for the gradient.

Shapes: emissions […, batch, length, tag]; start […, tag], follow […, tag, tag] (from, to); tags int64 […, batch, length],
from 1, 0 behind a row's end. Leading dimensions are any, say task and member; they broadcast.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

CELLS = 1 << 22
"""Pairs of tags of all rows that the search for the best sequence looks at together."""


def log_likelihood(emissions: Tensor, tags: Tensor, start: Tensor, follow: Tensor) -> Tensor:
    """The log-probability of each row's tags, […, batch]; 0 for a row without any."""
    there, at = tags > 0, (tags - 1).clamp(min=0)
    every = _log_of_all(emissions, there, start, follow)
    return torch.where(there[..., 0], _score(emissions, at, there, start, follow) - every, 0)


def _score(emissions: Tensor, at: Tensor, there: Tensor, start: Tensor, follow: Tensor) -> Tensor:
    """Of the sequence `at`, from 0, […, batch]."""
    each = emissions.gather(-1, at.expand(emissions.shape[:-1]).unsqueeze(-1)).squeeze(-1)
    size = start.shape[-1]
    pairs = (at[..., :-1] * size + at[..., 1:]).expand(*each.shape[:-1], -1)
    flat = follow.flatten(-2).expand(*each.shape[:-2], -1)
    steps = flat.gather(-1, pairs.flatten(-2)).view(pairs.shape)
    first = start.expand(*each.shape[:-2], -1).gather(-1, at[..., 0].expand(each.shape[:-1]))
    return torch.where(there, each, 0).sum(-1) + torch.where(there[..., 1:], steps, 0).sum(-1) + first


def _log_of_all(emissions: Tensor, there: Tensor, start: Tensor, follow: Tensor) -> Tensor:
    """The logarithm of Σ exp(score) over all sequences of a row's length, […, batch]."""
    moves, least = follow.exp(), torch.finfo(emissions.dtype).tiny
    first, *rest = emissions.unbind(-2)
    alpha = start.unsqueeze(-2) + first
    for i, emission in enumerate(rest, 1):
        most = alpha.detach().amax(-1, keepdim=True)
        moved = ((alpha - most).exp() @ moves).clamp(min=least).log() + most + emission
        alpha = torch.where(there[..., i].unsqueeze(-1), moved, alpha)
    return torch.logsumexp(alpha, -1)


@torch.no_grad()
def best_tags(emissions: Tensor, there: Tensor, start: Tensor, follow: Tensor) -> Tensor:
    """The likeliest sequence of each row (Viterbi): int64 […, batch, length], from 1, 0 where `there` […, batch, length] is not.

    A row's tokens stand at its beginning. Of equally likely ones, that of the lowest numbers from the back.
    """
    *leading, _, _, tags = emissions.shape
    rows, dim = max(1, CELLS // (math.prod(leading) * tags**2)), len(leading)
    parts = zip(torch.split(emissions, rows, dim), torch.split(there, rows, there.dim() - 2), strict=True)
    return torch.cat([_best(part, known, start, follow) for part, known in parts], dim)


def _best(emissions: Tensor, there: Tensor, start: Tensor, follow: Tensor) -> Tensor:
    """The best scores token by token, then back from the last tag; which tag came before is asked only where the way leads.

    Values alone, over a contiguous dimension, take a fifth of the time of values with their places.
    """
    first, *rest = emissions.unbind(-2)
    scores = [start.unsqueeze(-2) + first]
    into = follow.transpose(-2, -1).expand(*emissions.shape[:-3], -1, -1).contiguous()
    for i, emission in enumerate(rest, 1):
        most = (scores[-1].unsqueeze(-2) + into.unsqueeze(-3)).amax(-1)
        scores.append(torch.where(there[..., i].unsqueeze(-1), most + emission, scores[-1]))
    tag = scores.pop().argmax(-1, keepdim=True)
    found = [tag]
    for i, before in reversed(list(enumerate(scores, 1))):
        come = (before + into.gather(-2, tag.expand_as(before))).argmax(-1, keepdim=True)
        tag = torch.where(there[..., i].unsqueeze(-1), come, tag)
        found.append(tag)
    return torch.where(there, torch.cat(found[::-1], -1) + 1, 0)
