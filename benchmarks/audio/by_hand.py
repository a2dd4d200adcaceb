"""The loop that one would write: log-mels by torch.stft, nn.Conv2d over padded recordings of like length, two layers, T heads."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from benchmarks.audio.work import CHANNELS, HIDDEN, HOP, LAYERS, MELS, RATE, WIDTH, WINDOW, read_sounds
from benchmarks.text.by_hand import dealt
from benchmarks.worker import Question, Work
from mtl.network.sounds.mels import filterbank

SIZE = 256
"""Samples of the Fourier transform."""


class Ear(nn.Module):
    """Log-mels, each recording at mean 0 and spread 1."""

    def __init__(self) -> None:
        super().__init__()
        self.window, self.bank = torch.hann_window(WINDOW), torch.tensor(filterbank(RATE, SIZE // 2 + 1, MELS), dtype=torch.float32)

    def forward(self, waves: Tensor, moments: Tensor) -> Tensor:
        around = nn.functional.pad(waves, ((SIZE - HOP) // 2, SIZE - HOP))
        spectra = torch.stft(around, SIZE, HOP, WINDOW, self.window, center=False, return_complex=True).abs().square()
        x = torch.log(spectra.transpose(1, 2) @ self.bank + 1e-6)[:, : int(moments.max())]
        there = (torch.arange(x.shape[1]) < moments[:, None]).unsqueeze(-1)
        numbers = (moments * MELS)[:, None, None]
        x = (x - (x * there).sum((1, 2), keepdim=True) / numbers) * there
        return x / ((x.square().sum((1, 2), keepdim=True) / numbers).sqrt() + 0.1)


class Net(nn.Module):
    """Convolutions in steps of two, a GRU behind them if asked for."""

    def __init__(self, recurrent: bool) -> None:
        super().__init__()
        makes = [CHANNELS] + [2 * CHANNELS] * (LAYERS - 1)
        steps = [(2, 2), (2, 2)] + [(1, 2)] * (LAYERS - 2)
        self.each = nn.ModuleList(nn.Conv2d(*of, 3, step, 1) for of, step in zip(zip([1, *makes], makes), steps))
        self.size = makes[-1] * MELS // 2**LAYERS
        self.gru = nn.GRU(self.size, HIDDEN, batch_first=True, bidirectional=True) if recurrent else None
        self.size = 2 * HIDDEN if recurrent else self.size

    def forward(self, x: Tensor, left: Tensor) -> Tensor:
        x = x.unsqueeze(1)
        for conv in self.each:
            left = -(-left // conv.stride[0])
            x = torch.relu(conv(x))
            x = x * (torch.arange(x.shape[2]) < left[:, None])[:, None, :, None]
        x = x.transpose(1, 2).flatten(2)
        if self.gru is not None:
            packed = pack_padded_sequence(x, left, batch_first=True, enforce_sorted=False)
            x, _ = pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return x.masked_fill((torch.arange(x.shape[1]) >= left[:, None]).unsqueeze(-1), -torch.inf).amax(1)


def start(question: Question) -> Work:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    held = read_sounds(question["work"])
    offsets, y = torch.from_numpy(held.offsets), torch.from_numpy(held.y)
    waves, lengths = torch.from_numpy(held.values).tensor_split(offsets[1:-1]), offsets.diff()
    ear, net = Ear(), Net(question["network"] == "crnn")
    shared = nn.Sequential(nn.Linear(net.size, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU())
    heads = nn.ModuleList(nn.Linear(WIDTH, 1) for _ in range(y.shape[1]))
    parameters = [p for part in (net, shared, heads) for p in part.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)

    def epoch() -> None:
        for rows in dealt(lengths):
            optimizer.zero_grad()
            batch, moments = pad_sequence([waves[i] for i in rows.tolist()], batch_first=True), -(-lengths[rows] // HOP)
            h = shared(net(ear(batch.float() / 32768, moments), moments))
            losses = [((head(h).squeeze(1) - y[rows, t]) ** 2).mean() for t, head in enumerate(heads)]
            torch.stack(losses).sum().backward()
            optimizer.step()

    return epoch
