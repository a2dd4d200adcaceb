"""Log-mels: how loud a recording is, moment by moment, in bands that lie as the ear hears them.

The mel scale is HTK's, 2595 log₁₀(1 + f / 700); a band is a triangle in hertz of height 1 between its neighbours' centres
(`librosa.filters.mel(htk=True, norm=None)` makes the same). Windows are Hann's, one a block, around the block's middle, their
own mean taken off. Each recording is then brought to mean 0 and spread 1, over all its moments and bands at once: of what was
tried on spoken digits (a fitted mean and spread of each band .45, of each recording's bands .85, one for all its bands .90 of
a speaker nobody had heard) this leaves the shape of the spectrum and takes away what the microphone was set to.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mtl.network.sequences.layout import Layout
from mtl.network.sounds.filtering import filtered

LOWEST = 20.0
"""Hertz where the first band begins: below nothing is heard."""
QUIET = 1e-6
"""What is added to the power of a band, of waves between −1 and 1: about that of the last of 16 bits."""
STEADY = 0.1
"""What is added to the spread of a recording, so that silence stays silent."""
FRAMES = 1 << 13
"""Windows whose spectra are in memory at once."""
WARPS = 21
"""Different warpings that are made ready."""
WIDEST = 0.6
"""Share of the highest frequency up to which warping is a plain scaling (Jaitly & Hinton 2013: 4.8 of 8 kHz)."""


def mel(hertz: np.ndarray) -> np.ndarray:
    """Hertz on HTK's mel scale."""
    return 2595 * np.log10(1 + hertz / 700)


def hertz(mels: np.ndarray) -> np.ndarray:
    """The other way round."""
    return 700 * (10 ** (mels / 2595) - 1)


def filterbank(rate: int, bins: int, mels: int, warp: float = 1.0) -> np.ndarray:
    """float64 [bins, mels]: the weight of each frequency (`bins` from 0 to rate / 2) in each band.

    `warp` scales the frequencies of the bands: above 1 as if the speaker's vocal tract were longer.
    """
    highest = rate / 2
    edges = warped(hertz(np.linspace(mel(np.array(LOWEST)), mel(np.array(highest)), mels + 2)), highest, warp)
    at = np.linspace(0, highest, bins)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    found: np.ndarray = np.maximum(0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    return found


def warped(frequencies: np.ndarray, highest: float, warp: float) -> np.ndarray:
    """Frequencies times `warp` up to WIDEST of the highest, and from there on a straight line, so that the highest stays
    (Jaitly & Hinton 2013, section 3)."""
    bend = WIDEST * highest * min(warp, 1)
    behind = highest - (highest - bend) / (highest - bend / warp) * (highest - frequencies)
    return np.where(frequencies <= bend / warp, frequencies * warp, behind)


def spectrum_size(rate: int, window: int, mels: int) -> int:
    """Samples of the Fourier transform: a power of two, no less than the window, that leaves no band without a frequency."""
    size = 1 << (window - 1).bit_length()
    while not filterbank(rate, size // 2 + 1, mels).any(0).all():
        size *= 2
    return size


class LogMel(nn.Module):
    """Blocks of samples → log-mels, a moment a block. Nothing here is learned, so that no gradient goes through."""

    window: Tensor
    banks: Tensor
    """float32 [warpings, bins, mels]; the middle one is plain."""

    def __init__(self, rate: int, mels: int, window_ms: float, hop_ms: float, warp: float = 0.0, widest: float = 0.0) -> None:
        """In training: `warp`, by how much at most, up or down, frequencies are scaled; `widest`, by how many decibels at most
        they are made louder or softer."""
        super().__init__()
        self.widest = widest
        self.hop, window = block_size(rate, hop_ms), block_size(rate, window_ms)
        self.size = spectrum_size(rate, window, mels)
        warps = np.linspace(1 - warp, 1 + warp, WARPS) if warp else np.ones(1)
        banks = np.stack([filterbank(rate, self.size // 2 + 1, mels, one) for one in warps])
        self.register_buffer("banks", torch.tensor(banks, dtype=torch.float32), persistent=False)
        self.register_buffer("window", torch.hann_window(window, dtype=torch.float32), persistent=False)

    @torch.no_grad()
    def forward(self, blocks: Tensor, layout: Layout) -> Tensor:
        """blocks int16 [moment, hop] that lie as `layout` says → [moment, mels]."""
        with torch.autocast(blocks.device.type, enabled=False):
            parts = zip(*(torch.split(of, FRAMES) for of in (self._frames(blocks, layout), self._each(layout))), strict=True)
            heard = torch.cat([self._heard(*part) for part in parts])
            return levelled(filtered(heard, layout, self.widest) if self.training and self.widest else heard, layout)

    def _frames(self, blocks: Tensor, layout: Layout) -> Tensor:
        """[moment, window]: each with what lies around its block, zeros beyond the recording's ends; of no gap a copy is made."""
        window = len(self.window)
        before = (window - self.hop) // 2
        reach = -(-(window - self.hop - before) // self.hop)  # blocks on either side
        at = torch.arange(len(blocks), device=blocks.device) + reach * (layout.row + 1)
        line = blocks.new_zeros(len(blocks) + reach * (len(layout.lengths) + 1), self.hop).index_copy(0, at, blocks).flatten()
        return line[reach * self.hop - before :].unfold(0, window, self.hop)[at - reach]

    def _each(self, layout: Layout) -> Tensor:
        """int64 [moment], on the CPU: which of the banks its recording is heard by, drawn in training."""
        drawn = torch.full_like(layout.lengths, len(self.banks) // 2)
        if self.training and len(self.banks) > 1:
            drawn = torch.randint(len(self.banks), drawn.shape)
        return drawn.repeat_interleave(layout.lengths)

    def _heard(self, frames: Tensor, which: Tensor) -> Tensor:
        """Frames int16 [moment, window] → logarithms of the power in each band [moment, mels]."""
        waves = frames.to(self.window.dtype) / 32768
        spectra = torch.fft.rfft((waves - waves.mean(1, keepdim=True)) * self.window, self.size)
        power = spectra.real.square() + spectra.imag.square()
        return torch.log(self._banded(power, which) + QUIET)

    def _banded(self, power: Tensor, which: Tensor) -> Tensor:
        banks, counts = torch.unique_consecutive(which, return_counts=True)
        parts = torch.split(power, counts.tolist())
        return torch.cat([part @ self.banks[bank] for part, bank in zip(parts, banks.tolist(), strict=True)])


def levelled(x: Tensor, layout: Layout) -> Tensor:
    """x [moment, mels] with mean 0 and spread 1 over all moments and bands of each recording."""
    numbers = (layout.counts * x.shape[1]).unsqueeze(1)
    x = x - (layout.sum(x).sum(1, keepdim=True) / numbers).index_select(0, layout.row)
    spread = (layout.sum(x.square()).sum(1, keepdim=True) / numbers).sqrt() + STEADY
    return x / spread.index_select(0, layout.row)


def block_size(rate: int, milliseconds: float) -> int:
    """Samples of so many milliseconds, one at least."""
    return max(1, round(rate * milliseconds / 1000))
