"""The loop that one would write: nn.Embedding, torch's own network over padded texts of like length, two layers, T heads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmarks.text.work import BATCH, EMBEDDING, SIZE, VOCABULARY, WIDTH, read_texts
from benchmarks.worker import Question, Work

POOL = 16
"""Batches whose texts are sorted together."""


class Convolutions(nn.Module):
    """Kim 2014: widths 3, 4 and 5."""

    def __init__(self) -> None:
        super().__init__()
        self.each = nn.ModuleList(nn.Conv1d(EMBEDDING, SIZE, width, padding="same") for width in (3, 4, 5))
        self.size = 3 * SIZE

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return torch.cat([torch.relu(one(x.transpose(1, 2))) for one in self.each], 1).transpose(1, 2)


class Recurrent(nn.Module):
    """nn.LSTM or nn.GRU, both ways, over packed texts."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU]) -> None:
        super().__init__()
        self.net, self.size = kind(EMBEDDING, SIZE, batch_first=True, bidirectional=True), 2 * SIZE

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        found, _ = pad_packed_sequence(self.net(packed)[0], batch_first=True)
        return found


class Attention(nn.Module):
    """Two of torch's own layers, normalised first; without positions, which cost nothing."""

    def __init__(self) -> None:
        super().__init__()
        one = nn.TransformerEncoderLayer(EMBEDDING, 4, 2 * SIZE, 0.0, batch_first=True, norm_first=True)
        self.net, self.size = nn.TransformerEncoder(one, 2, enable_nested_tensor=False), EMBEDDING

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        found: Tensor = self.net(x, src_key_padding_mask=torch.arange(x.shape[1]) >= lengths[:, None])
        return found


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "cnn": Convolutions, "lstm": lambda: Recurrent(nn.LSTM), "gru": lambda: Recurrent(nn.GRU), "transformer": Attention,
}  # fmt: skip


def dealt(lengths: Tensor) -> list[Tensor]:
    """Shuffled, sorted by length within POOL batches, cut, and the batches shuffled."""
    pools = torch.randperm(len(lengths)).split(POOL * BATCH)
    batches = [part for pool in pools for part in pool[lengths[pool].argsort()].split(BATCH)]
    return [batches[i] for i in torch.randperm(len(batches))]


def start(question: Question) -> Work:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    held = read_texts(question["work"])
    offsets, y = torch.from_numpy(held.offsets), torch.from_numpy(held.y)
    texts, lengths = torch.from_numpy(held.values).long().tensor_split(offsets[1:-1]), offsets.diff()
    table, net = nn.Embedding(VOCABULARY, EMBEDDING), NETWORKS[question["network"]]()
    shared = nn.Sequential(nn.Linear(int(net.size), WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU())
    heads = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(y.shape[1]))
    parameters = [p for part in (table, net, shared, heads) for p in part.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)

    def epoch() -> None:
        for rows in dealt(lengths):
            optimizer.zero_grad()
            tokens, long = pad_sequence([texts[i] for i in rows.tolist()], batch_first=True), lengths[rows]
            found = net(table(tokens), long)
            behind = (torch.arange(tokens.shape[1]) >= long[:, None]).unsqueeze(-1)
            h = shared(found.masked_fill(behind, -torch.inf).amax(1))
            losses = [((head(h).squeeze(1) - y[rows, t]) ** 2).mean() for t, head in enumerate(heads)]
            torch.stack(losses).sum().backward()
            optimizer.step()

    return epoch
