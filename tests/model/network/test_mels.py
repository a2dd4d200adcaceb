"""Log-mels: the filters are HTK's, a tone lies in its band, and neither padding nor loudness tells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl.network.sequences.layout import Layout
from mtl.network.sounds.filtering import DECIBEL, FEWEST, MOST, filtered, gains
from mtl.network.sounds.masking import masked
from mtl.network.sounds.mels import LOWEST, QUIET, STEADY, WARPS, LogMel, block_size, filterbank, hertz, mel, warped
from tests.sounds import tone

HOP = 80


def blocks_of(waves: np.ndarray, hop: int = HOP) -> torch.Tensor:
    """One recording as [moment, hop]."""
    filled = np.zeros(-(-len(waves) // hop) * hop, np.int16)
    filled[: len(waves)] = waves
    return torch.from_numpy(filled.reshape(-1, hop))


def layout_of(*lengths: int) -> Layout:
    return Layout.of(torch.tensor(lengths), torch.device("cpu"))


def heard(waves: np.ndarray) -> torch.Tensor:
    """[moment, mels] of a recording that is heard alone."""
    blocks = blocks_of(waves)
    found: torch.Tensor = LogMel(8000, 40, 25, 10).eval()(blocks, layout_of(len(blocks)))
    return found


def test_the_scale_is_htks() -> None:
    """1000 Hz are 1000 mel, as the scale is made (2595 log₁₀(1 + 1000 / 700) = 999.99); and back."""
    assert float(mel(np.array(1000.0))) == pytest.approx(1000, abs=0.02)
    assert float(mel(np.array(0.0))) == 0
    found = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(hertz(mel(found)), found, atol=1e-9)


@given(st.sampled_from([(8000, 256, 40), (16_000, 512, 64), (22_050, 1024, 80)]))
def test_filters_are_triangles_by_the_published_formula(of: tuple[int, int, int]) -> None:
    """librosa.filters.mel(sr=rate, n_fft=size, n_mels=mels, fmin=LOWEST, htk=True, norm=None), by its documentation, in loops."""
    rate, size, mels = of
    found = filterbank(rate, size // 2 + 1, mels)
    top = 2595 * np.log10(1 + rate / 2 / 700)
    bottom = 2595 * np.log10(1 + LOWEST / 700)
    edges = [700 * (10 ** ((bottom + (top - bottom) * i / (mels + 1)) / 2595) - 1) for i in range(mels + 2)]
    for band in range(mels):
        low, middle, high = edges[band : band + 3]
        for bin_ in range(0, size // 2 + 1, 7):
            f = bin_ * rate / size
            expected = (f - low) / (middle - low) if low < f <= middle else (high - f) / (high - middle) if middle < f < high else 0
            assert found[bin_, band] == pytest.approx(expected, abs=1e-9)


def test_log_mels_are_what_a_hand_computes() -> None:
    """One moment in the middle: 200 samples around a block of 80, their mean off, a Hann window, 256 points, the filters, the
    logarithm; and the whole brought to one level."""
    waves = (1000 * np.random.default_rng(0).normal(size=10 * HOP)).astype(np.int16)
    every = []
    padded = np.concatenate([np.zeros(60), waves / 32768, np.zeros(60)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    for moment in range(10):
        frame = padded[moment * HOP : moment * HOP + 200]
        power = np.abs(np.fft.rfft((frame - frame.mean()) * window, 256)) ** 2
        every.append(np.log(power @ filterbank(8000, 129, 40) + QUIET))
    plain = np.array(every)
    expected = (plain - plain.mean()) / (plain.std() + STEADY)
    np.testing.assert_allclose(heard(waves).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("frequency", [200.0, 700.0, 2000.0, 3500.0])
def test_a_tone_lies_in_its_band(frequency: float) -> None:
    centres = hertz(np.linspace(mel(np.array(LOWEST)), mel(np.array(4000.0)), 42))[1:-1]
    loudest = heard(tone(frequency, 0.5)).mean(0).argmax()
    assert abs(int(loudest) - int(np.abs(centres - frequency).argmin())) <= 1


def test_loudness_does_not_tell() -> None:
    quiet, loud = (
        heard(tone(500, 0.3, loud=0.05) + tone(1500, 0.3, loud=0.02)),
        heard(tone(500, 0.3, loud=0.5) + tone(1500, 0.3, loud=0.2)),
    )
    torch.testing.assert_close(quiet[5:-5, 5:25], loud[5:-5, 5:25], atol=0.3, rtol=0)
    assert heard(np.zeros(800, np.int16)).abs().max() < 1e-3  # silence stays silent


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5))
def test_no_recording_hears_its_neighbours(lengths: list[int]) -> None:
    random = np.random.default_rng(sum(lengths))
    waves = [(2000 * random.normal(size=n)).astype(np.int16) for n in lengths]
    alone = [heard(one) for one in waves]
    together = LogMel(8000, 40, 25, 10).eval()(torch.cat([blocks_of(one) for one in waves]), layout_of(*map(len, alone)))
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("window", "hop"), [(25, 10), (100, 10), (10, 10), (31, 7)])
def test_every_window_lies_around_its_block(window: int, hop: int) -> None:
    """With zeros beyond both ends, however many blocks a window reads."""
    listen, waves = LogMel(8000, 20, window, hop), np.arange(1, 1001, dtype=np.int16)
    blocks, long = blocks_of(waves, listen.hop), len(listen.window)
    before = (long - listen.hop) // 2
    padded = np.concatenate([np.zeros(before, np.int16), blocks.numpy().ravel(), np.zeros(long, np.int16)])
    expected = [padded[at * listen.hop : at * listen.hop + long] for at in range(len(blocks))]
    np.testing.assert_array_equal(listen._frames(blocks, layout_of(len(blocks))), expected)


def test_many_moments_are_heard_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from mtl.network.sounds import mels

    blocks = torch.from_numpy((1000 * np.random.default_rng(0).normal(size=(180, HOP))).astype(np.int16))
    listen = LogMel(8000, 40, 25, 10).eval()
    whole = listen(blocks, layout_of(*[20] * 9))
    monkeypatch.setattr(mels, "FRAMES", 45)
    torch.testing.assert_close(listen(blocks, layout_of(*[20] * 9)), whole, atol=1e-6, rtol=1e-6)


def test_no_band_is_empty() -> None:
    """Also where there are more bands than the window's own spectrum would tell apart."""
    for rate, bands in ((8000, 80), (8000, 128), (1000, 40)):
        listen = LogMel(rate, bands, 25, 10)
        assert listen.banks.any(1).all()
        assert listen.size & (listen.size - 1) == 0


def test_block_sizes() -> None:
    assert [block_size(8000, 10), block_size(22_050, 10), block_size(1000, 0.1)] == [80, 220, 1]


@given(st.floats(0.6, 1.6), st.integers(1000, 24_000))
def test_warped_frequencies_keep_their_order_and_their_ends(warp: float, highest: int) -> None:
    found = warped(np.linspace(0, highest, 101), highest, warp)
    assert found[0] == 0
    assert found[-1] == pytest.approx(highest)
    assert (np.diff(found) > 0).all()
    assert found[10] == pytest.approx(0.1 * highest * warp)
    np.testing.assert_allclose(warped(np.linspace(0, highest, 101), highest, 1.0), np.linspace(0, highest, 101))


def test_warping_is_drawn_for_each_recording_in_training_only() -> None:
    one = blocks_of(tone(1000, 0.4))
    listen, blocks, layout = LogMel(8000, 40, 25, 10, 0.2), one.repeat(40, 1), layout_of(*[len(one)] * 40)
    torch.manual_seed(0)
    loudest = listen.train()(blocks, layout).view(40, len(one), 40).mean(1).argmax(1)
    assert len(loudest.unique()) > 3
    still = listen.eval()(blocks, layout).view(40, len(one), 40)
    torch.testing.assert_close(still, heard(tone(1000, 0.4)).expand_as(still), atol=1e-5, rtol=1e-5)
    assert len(listen.banks) == WARPS
    assert len(LogMel(8000, 40, 25, 10).banks) == 1


def test_a_warp_above_1_listens_higher_up() -> None:
    """So that what is heard lies lower, as of a longer vocal tract."""
    plain, above = (filterbank(8000, 129, 40, warp) for warp in (1.0, 1.2))
    assert (np.diff([of.argmax(0)[20] for of in (plain, above)]) > 0).all()


def test_a_filter_is_straight_between_its_few_borders() -> None:
    """3 to 6 parts, each recording's own; no gain is above the widest, and gains of every height are drawn."""
    torch.manual_seed(0)
    found = gains(2000, 400, 12.0) / DECIBEL
    assert float(found.abs().max()) <= 12 + 1e-4
    assert not torch.equal(found[0], found[1])
    for end in (found[:, 0], found[:, -1]):
        assert torch.histc(end, 6, -12, 12).min() > 2000 / 6 * 0.7
    bends = (torch.diff(found, n=2).abs() > 1e-3).sum(1)
    assert 2 <= int(bends.max()) <= 2 * (MOST - 1)  # between two bands, a border bends both second differences around it
    assert float((bends >= 2 * (FEWEST - 1)).float().mean()) > 0.5


def test_a_filter_is_put_on_in_training_only_and_is_the_same_all_along() -> None:
    one = blocks_of(tone(1000, 0.4))
    listen, blocks, layout = LogMel(8000, 40, 25, 10, 0.0, 12.0), one.repeat(2, 1), layout_of(*[len(one)] * 2)
    torch.manual_seed(0)
    off = filtered(torch.zeros(len(blocks), 40), layout, 12.0).view(2, len(one), 40)
    assert (off == off[:, :1]).all()
    assert not torch.equal(off[0], off[1])
    plain = LogMel(8000, 40, 25, 10).eval()(blocks, layout)
    assert torch.equal(listen.eval()(blocks, layout), plain)
    assert not torch.allclose(listen.train()(blocks, layout), plain, atol=0.05)


AUGMENT = {"masks": 1, "band": 0.25, "span": 0.5}


def test_masks_are_stretches_within_a_recording() -> None:
    torch.manual_seed(0)
    layout = layout_of(*[20, 6, 1] * 50)
    kept = masked(torch.ones(27 * 50, 16), layout, AUGMENT)
    for own in kept.split(layout.lengths.tolist()):
        bands, moments = (own == 0).all(0), (own == 0).all(1)
        assert ((own == 0) == (bands | moments[:, None])).all()
        assert bands.all() or int(bands.sum()) <= 4
        assert int(moments.sum()) <= len(own) // 2
        for of in (bands, moments):
            edges = torch.diff(of.int(), prepend=torch.zeros(1), append=torch.zeros(1)).abs().sum()
            assert edges in (0, 2)  # one stretch, or none


def test_masks_of_every_width_and_place_are_drawn() -> None:
    torch.manual_seed(0)
    kept = masked(torch.ones(3000, 8), layout_of(*[1] * 3000), AUGMENT)
    hidden = (kept == 0).float()
    assert set(hidden.sum(1).tolist()) == {0, 1, 2}
    assert (hidden.mean(0) > 0.03).all()
    none = {"masks": 0, "band": 1, "span": 1}
    assert torch.equal(masked(torch.ones(11, 8), layout_of(8, 3), none), torch.ones(11, 8))
