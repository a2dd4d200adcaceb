"""Recordings as bytes: what is read is what was written, and what cannot be heard is told without its bytes."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.data.sounds import Sound, SoundError
from tests.sounds import RATE, file_of, tone

PCM, FILE = Sound("pcm16", RATE, 60), Sound("file", RATE, 60)
A_TONE = tone(440, 0.5)


@given(st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=200), st.sampled_from(["pcm16", "WAV", "FLAC"]))
def test_samples_come_back(samples: list[int], kind: str) -> None:
    """Bit for bit, from bytes and from what loses nothing."""
    waves = np.array(samples, np.int16)
    cell = waves.astype("<i2").tobytes() if kind == "pcm16" else file_of(waves, kind=kind)
    found = (PCM if kind == "pcm16" else FILE).samples(cell)
    assert found.dtype == np.int16
    assert np.array_equal(found, waves)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("WAV", "PCM_24"), ("WAV", "FLOAT")]
)
def test_what_is_packed_with_loss_sounds_the_same(kind: str, subtype: str | None) -> None:
    found = FILE.samples(file_of(A_TONE / 32768, kind=kind, subtype=subtype)).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(found[:4000]))
    assert abs(len(found) - len(A_TONE)) < 0.1 * len(A_TONE)
    assert spectrum.argmax() == 220
    assert np.abs(found).max() == pytest.approx(np.abs(A_TONE).max(), rel=0.2)


def test_several_channels_become_their_mean() -> None:
    both = np.stack([A_TONE, np.zeros_like(A_TONE)], 1)
    np.testing.assert_array_equal(FILE.samples(file_of(both)), np.rint(A_TONE.astype(np.float32) / 2))


def test_what_is_too_loud_is_cut_to_16_bits() -> None:
    found = FILE.samples(file_of(np.array([2.0, -2.0, 0.5], np.float32), subtype="FLOAT"))
    assert found.tolist() == [32767, -32768, 16384]


@pytest.mark.parametrize(("sound", "cell"), [(PCM, A_TONE.tobytes()), (FILE, file_of(A_TONE))])
def test_only_so_many_seconds_are_kept(sound: Sound, cell: bytes) -> None:
    assert np.array_equal(sound.samples(cell, 0.1), A_TONE[: RATE // 10])
    assert len(sound.samples(cell, 1e-9)) == 1


def cut_wav(cell: bytes, share: float) -> bytes:
    return cell[: int(share * len(cell))]


BAD = {
    "an empty recording": (PCM, b""),
    "expected samples of 2 bytes each": (PCM, b"abc"),
    "expected at most 60 s": (PCM, bytes(2 * 61 * RATE)),
    "expected 8,000 samples a second": (FILE, file_of(tone(440, 0.5, 16_000), 16_000)),
    "not a WAV, FLAC, OGG or MP3 file": (FILE, b"\x89PNG and so on"),
    "cannot be decoded": (FILE, b"fLaC" + bytes(100)),
    "cut short": (FILE, cut_wav(file_of(A_TONE), 0.5)),
    "a sample that is not finite": (FILE, file_of(np.array([0.1, np.nan, np.inf], np.float32), subtype="FLOAT")),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_cannot_be_heard_has_its_reason(reason: str) -> None:
    sound, cell = BAD[reason]
    fault = sound.fault(cell)
    assert fault is not None
    assert fault[0] == reason
    assert len(fault[1]) < 60
    assert "0x" not in fault[1]  # no address in memory, which no two runs share
    with pytest.raises(SoundError):
        sound.samples(cell)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6])
def test_no_file_that_was_cut_short_passes(kind: str, share: float) -> None:
    assert FILE.fault(cut_wav(file_of(tone(440, 2.0), kind=kind), share)) is not None


@pytest.mark.parametrize("sound", [PCM, FILE])
def test_a_recording_without_a_sample_is_empty(sound: Sound) -> None:
    cell = b"" if sound is PCM else file_of(np.zeros(0, np.int16))
    assert (sound.fault(cell) or ("",))[0] == "an empty recording"


@pytest.mark.parametrize(
    ("riff", "data"),
    [(0, None), (0xFFFFFFFF, None), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (0x80000024, 0x80000000)],
)
def test_a_wav_that_was_written_as_a_stream_is_whole(riff: int, data: int | None) -> None:
    """Who writes a stream does not know its length yet; each program says so in its own way."""
    cell = file_of(A_TONE)
    at = cell.index(b"data") + 4
    size = cell[at : at + 4] if data is None else struct.pack("<I", data)
    assert np.array_equal(FILE.samples(cell[:4] + struct.pack("<I", riff) + cell[8:at] + size + cell[at + 4 :]), A_TONE)


def streamed(waves: np.ndarray[Any, Any]) -> bytes:
    """A FLAC whose header does not say how many samples there are: the last 36 of the 64 bits from byte 18 on are 0."""
    cell = file_of(waves, kind="FLAC")
    return cell[:21] + bytes([cell[21] & 0xF0]) + bytes(4) + cell[26:]


@pytest.mark.parametrize("seconds", [0.1, 1.0, 2.0, 2.5])
def test_a_flac_that_was_written_as_a_stream_is_whole(seconds: float) -> None:
    waves = np.stack([tone(440, seconds)] * 2, 1)
    assert np.array_equal(FILE.samples(streamed(waves)), waves[:, 0])
    assert len(FILE.samples(streamed(waves), 0.05)) == RATE // 20


def test_a_stream_is_read_no_further_than_it_may_last() -> None:
    cell = streamed(tone(440, 5.0))
    assert Sound("file", RATE, 5).fault(cell) is None
    assert Sound("file", RATE, 4.9).fault(cell) == ("expected at most 4.9 s", "more, of which the file does not say how much")
    assert FILE.fault(streamed(tone(440, 5.0))[:60]) is not None  # its header alone


def test_a_long_file_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    import soundfile

    cell = file_of(tone(440, 3.0), kind="FLAC")
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    assert Sound("file", RATE, 2).fault(cell) == ("expected at most 2 s", "3.0 s")


@given(st.binary(max_size=300))
def test_no_bytes_break_it(cell: bytes) -> None:
    """A reason, or samples: nothing else, whatever comes."""
    for sound in (PCM, FILE):
        for bytes_ in (cell, file_of(A_TONE)[: len(cell)] + cell):
            fault = sound.fault(bytes_)
            assert fault is not None or len(sound.samples(bytes_))
