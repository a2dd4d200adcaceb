"""Inputs whose cells are bytes: recordings and pictures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mtl.spec.base import Part, Share
from mtl.spec.input_part import ColumnInput, Options, Pooling
from mtl.spec.options import IMAGE_OPTIONS, SOUND_OPTIONS, check_options

Side = Annotated[int, Field(ge=1, le=2048)]
"""Pixels of one side of a picture."""


class AudioAugment(Part):
    """How recordings are changed while the network learns, anew each time one is read (0: not at all).

    Masks are SpecAugment's (Park et al. 2019, arXiv:1904.08779), warping is of the vocal tract's length (Jaitly & Hinton 2013), the
    filter is FilterAugment's (Nam et al. 2022, arXiv:2110.03282).
    """

    masks: Annotated[int, Field(ge=0, le=10)] = 1
    """Bands of frequency, and spans of time, that are blanked out."""
    band: Share = 0.2
    """Widest mask of frequency, as a share of the bands."""
    span: Share = 0.2
    """Longest mask of time, as a share of the recording."""
    warp: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """By how much at most, up or down, frequencies are scaled."""
    filter: Annotated[float, Field(ge=0, le=60)] = 0.0
    """Decibels at most by which frequencies are made louder or softer."""


class AudioInput(ColumnInput):
    """One column of recordings: log-mels of each, and a network over them."""

    kind: Literal["audio"]
    format: Literal["file", "pcm16"] = "file"
    """`file`: the bytes of a WAV, FLAC, OGG or MP3 file; `pcm16`: samples alone, little-endian 16-bit, one channel."""
    rate: Annotated[int, Field(ge=1000, le=192_000)]
    """Samples a second. A file of another rate is quarantined."""
    seconds: Annotated[float, Field(gt=0)] = 10.0
    """What is longer is cut off behind so many."""
    max_seconds: Annotated[float, Field(gt=0)] = 600.0
    """A longer recording is quarantined."""
    mels: Annotated[int, Field(ge=4, le=128)] = 40
    """Bands of frequency, evenly spaced on the mel scale."""
    window_ms: Annotated[float, Field(ge=1, le=1000)] = 25.0
    hop_ms: Annotated[float, Field(ge=1, le=1000)] = 10.0
    """From the beginning of one window to that of the next."""
    network: Literal["cnn", "crnn"] = "cnn"
    pooling: Pooling = "max"
    """How the representations of moments become that of the recording."""
    options: Options = {}
    augment: AudioAugment = AudioAugment()

    @model_validator(mode="after")
    def _fits(self) -> AudioInput:
        check_options(self.network, self.options, SOUND_OPTIONS)
        if self.hop_ms > self.window_ms:
            raise ValueError(
                f"hop_ms of at most window_ms, {self.window_ms:g}, so that nothing is passed over; found {self.hop_ms:g}"
            )
        if self.seconds > self.max_seconds:
            raise ValueError(f"seconds of at most max_seconds, {self.max_seconds:g}; found {self.seconds:g}")
        return self


class ImageAugment(Part):
    """How pictures are changed while the network learns, anew each time one is read."""

    flip: bool = False
    """Every other one the other way round, left to right."""
    shift: Annotated[int, Field(ge=0)] = 0
    """Pixels at most by which it moves, either way; what comes in repeats the edge."""
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Degrees at most by which it turns, either way."""


class ImageInput(ColumnInput):
    """One column of pictures, all brought to one size, and a network over their pixels."""

    kind: Literal["image"]
    shape: tuple[Side, Side] | tuple[Side, Side, Literal[1, 3, 4]] | None = None
    """Of raw pixels, uint8, row by row: [height, width] or [height, width, channels]. Left out: bytes of PNG, JPEG, … files."""
    size: tuple[Side, Side] | None = None
    """[height, width] that every picture is stretched to; of raw pixels their own, if left out."""
    channels: Literal[1, 3] | None = None
    """1: grey, 3: colours. If left out, 1 of raw pixels that have one, else 3."""
    max_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    """A larger picture is quarantined."""
    network: Literal["cnn", "timm"] = "cnn"
    model: Annotated[str, Field(min_length=1)] | None = None
    """Of network timm: the name that timm knows it by, such as `resnet18`."""
    weights: Annotated[str, Field(min_length=1)] | None = None
    """Of network timm: what it begins with, a folder of the project, `package:NAME/FOLDER` of an installed package, or a name that
    the hub's local cache has. If left out, it begins at random."""
    options: Options = {}
    augment: ImageAugment = ImageAugment()

    @model_validator(mode="after")
    def _fits(self) -> ImageInput:
        check_options(self.network, self.options, IMAGE_OPTIONS)
        self._names_a_model()
        if self.shape is None and self.size is None:
            raise ValueError("size, [height, width] to bring pictures to, such as [64, 64] (or shape, of raw pixels); found none")
        if self.augment.shift >= min(self.pixels):
            raise ValueError(f"augment.shift below the picture's least side, {min(self.pixels)}; found {self.augment.shift}")
        return self

    def _names_a_model(self) -> None:
        if self.network == "timm" and self.model is None:
            raise ValueError("model, the name that timm knows the network by, such as resnet18; found none")
        for key in ("model", "weights"):
            if self.network != "timm" and getattr(self, key) is not None:
                raise ValueError(f"{key} with network: timm; found it with network: {self.network}")
        if self.weights is None and "lr" in self.options:
            raise ValueError("options.lr with weights (a network that begins at random learns by training.lr); found it without")

    @property
    def pixels(self) -> tuple[int, int]:
        """Height and width of what the network reads."""
        height, width = self.size or (self.shape or (0, 0))[:2]
        return height, width

    @property
    def reader(self) -> str:
        """The network that reads them, in words."""
        begins = "" if self.weights is None else f" as in {self.weights}"
        return self.network if self.model is None else f"{self.model} of timm{begins}"

    @property
    def colours(self) -> int:
        """Channels of what the network reads."""
        grey = self.shape is not None and self.shape[2:] in ((), (1,))
        return self.channels or (1 if grey else 3)
