"""Options of sharings, balancings and networks over tokens: what each takes beside its name, with its default.

`model.options` belongs to `model.sharing`, `training.options` to `training.balancing`, an input's `options` to its `network`;
the defaults of sharings and balancings are their papers'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

SHARING_OPTIONS: dict[str, dict[str, float]] = {
    "cross_stitch": {"start": 0.9},
    "task_conditioned": {"embedding": 16},
    "message_passing": {"message": 32, "first": 1.0},
    "mmoe": {"experts": 8},
    "cgc": {"experts": 1, "own_experts": 1},
    "ple": {"experts": 1, "own_experts": 1, "levels": 2},
    "dselect_k": {"experts": 8, "k": 2, "gamma": 1.0, "entropy": 1e-6, "per_example": 0},
}
"""Sharing -> option -> default."""

BALANCING_OPTIONS: dict[str, dict[str, float]] = {
    "dwa": {"temperature": 2.0},
    "famo": {"lr": 0.025, "decay": 0.01},
    "stch": {"mu": 1.0, "warmup": 4},
    "normalized": {"decay": 0.99},
    "gradnorm": {"alpha": 1.5, "lr": 0.025},
    "gradvac": {"beta": 0.01},
    "cagrad": {"c": 0.4},
    "nash": {"max_norm": 1.0},
    "fairgrad": {"alpha": 2.0},
}
"""Balancing -> option -> default."""

SEQUENCE_OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"embedding": 64, "channels": 64, "kernels": 3},
    "lstm": {"embedding": 64, "hidden": 64, "layers": 1, "both": 1},
    "gru": {"embedding": 64, "hidden": 64, "layers": 1, "both": 1},
    "transformer": {"embedding": 64, "layers": 2, "heads": 4, "feedforward": 128},
}
"""Network of a text or tokens input -> option -> default; `both` is 1 where it reads in both directions."""

SOUND_OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"channels": 32, "layers": 3},
    "crnn": {"channels": 32, "layers": 3, "hidden": 64},
}
"""Network of an audio input -> option -> default."""

IMAGE_OPTIONS: dict[str, dict[str, float]] = {
    "cnn": {"width": 16, "stages": 3, "blocks": 1, "grid": 3},
    "timm": {"lr": 1e-4},
}
"""Network of an image input -> option -> default; `grid` is 1 where it does not matter where in a picture something is, `lr` the
learning rate of a network that came trained."""

PRETRAINED_OPTIONS: dict[str, dict[str, float]] = {
    "frozen": {},
    "lora": {"rank": 8, "alpha": 16, "lr": 5e-4},
    "finetune": {"lr": 3e-5},
}
"""Mode of a pretrained_text input -> option -> default; `lr` is the learning rate of what came trained."""

NETWORK_OPTIONS = {"text": SEQUENCE_OPTIONS, "tokens": SEQUENCE_OPTIONS, "audio": SOUND_OPTIONS, "image": IMAGE_OPTIONS}
"""Kind of an input that has a `network` -> network -> option -> default."""

ON_GRADIENTS = (
    "gradnorm", "pcgrad", "gradvac", "mgda", "cagrad", "imtl_g", "nash", "aligned", "fairgrad", "upgrad", "dualproj",
)  # fmt: skip
"""Balancings that compare the tasks' gradients, `training.at` some place, each `training.every` steps."""

MEETING = ("shared_bottom", "mmoe", "cgc", "ple", "dselect_k")
"""Sharings with shared activations through which all tasks act on all shared parameters: `training.at: representation`."""

OWN_ROWS = ("separate", "hybrid")
"""Sharings in which each task runs its own rows only, so that there is nothing for `training.sampler` to choose."""

LIMITS: dict[tuple[str, str], tuple[float, float]] = {
    ("dwa", "temperature"): (1e-3, math.inf),
    ("famo", "lr"): (0, math.inf),
    ("famo", "decay"): (0, math.inf),
    ("stch", "mu"): (1e-6, math.inf),
    ("stch", "warmup"): (0, math.inf),
    ("normalized", "decay"): (0, 0.9999),
    ("gradnorm", "alpha"): (0, math.inf),
    ("gradnorm", "lr"): (0, math.inf),
    ("gradvac", "beta"): (0, 1),
    ("cagrad", "c"): (0, 0.999),
    ("nash", "max_norm"): (0, math.inf),
    ("fairgrad", "alpha"): (0.1, 10),
    ("cross_stitch", "start"): (0, 1),
    ("task_conditioned", "embedding"): (1, math.inf),
    ("message_passing", "message"): (1, math.inf),
    ("message_passing", "first"): (0, math.inf),
    **{(of, "experts"): (1, math.inf) for of in ("mmoe", "cgc", "ple", "dselect_k")},
    **{(of, "own_experts"): (0, math.inf) for of in ("cgc", "ple")},
    ("ple", "levels"): (1, math.inf),
    ("dselect_k", "k"): (1, math.inf),
    ("dselect_k", "gamma"): (1e-3, math.inf),
    ("dselect_k", "entropy"): (0, math.inf),
    ("dselect_k", "per_example"): (0, 1),
    **{(of, name): (1, math.inf) for of, options in SEQUENCE_OPTIONS.items() for name in options if name != "both"},
    **{(of, "both"): (0, 1) for of in ("lstm", "gru")},
    ("lora", "rank"): (1, math.inf),
    **{(of, "lr"): (1e-9, 1) for of in ("lora", "finetune", "timm")},
    ("lora", "alpha"): (1e-3, math.inf),
    **{(of, name): (1, math.inf) for of, options in SOUND_OPTIONS.items() for name in options},
    **{("cnn", name): (1, math.inf) for name in IMAGE_OPTIONS["cnn"]},
}
"""(Sharing or balancing, option) -> least and largest value; none: any number."""

WHOLE = (
    "embedding", "message", "experts", "own_experts", "levels", "k", "per_example", "warmup",
    "channels", "kernels", "hidden", "layers", "both", "heads", "feedforward", "rank",
    "width", "stages", "blocks", "grid",
)  # fmt: skip
"""Options that count something, or are 0 or 1."""


def check_options(of: str, given: Mapping[str, float], known: Mapping[str, Mapping[str, float]]) -> None:
    """Raise ValueError, in words, at the first option that `of` does not take."""
    taken = known.get(of, {})
    for name in given:
        if name not in taken:
            raise ValueError(f"an option of {of} ({', '.join(taken) or 'it takes none'}); found {name}")
        least, most = LIMITS.get((of, name), (-math.inf, math.inf))
        if not least <= given[name] <= most:
            upper = f" and at most {most:g}" if most < math.inf else ""
            raise ValueError(f"{name} of {of}: at least {least:g}{upper}; found {given[name]:g}")
        if name in WHOLE and given[name] != int(given[name]):
            raise ValueError(f"{name} of {of}: a whole number; found {given[name]:g}")


def check_sequence(network: str, given: Mapping[str, float]) -> None:
    """The same of a network over tokens, whose options must also fit each other."""
    check_options(network, given, SEQUENCE_OPTIONS)
    options = options_of(network, given, SEQUENCE_OPTIONS)
    if network == "transformer" and options["embedding"] % options["heads"]:
        raise ValueError(f"heads of transformer that divide its embedding, {options['embedding']:g}; found {options['heads']:g}")


def options_of(of: str, given: Mapping[str, float], known: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Every option of `of`: as given, else its default."""
    return {**known.get(of, {}), **given}
