"""Sentences with tags, made in memory: words that tell what they are, and tasks on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings, TaskEncoding
from mtl.data.inputs import TokensEncoding
from mtl.data.inputs.tabular import NumericColumn, TabularEncoding
from mtl.data.ragged import Ragged
from mtl.spec import LISTS

WORDS = tuple(f"{start}{i}" for start in ("the", "Ann", "van", "Rome") for i in range(4))
"""Of no span; which begin a name; which go on with one; which are a place."""
BIO = ("O", "B-name", "I-name", "B-place", "I-place")
OPTIONS: dict[str, dict[str, float]] = {
    "lstm": {"embedding": 8, "hidden": 6, "layers": 1, "both": 1},
    "gru": {"embedding": 8, "hidden": 6, "layers": 1, "both": 0},
    "cnn": {"embedding": 8, "channels": 4, "kernels": 2},
    "transformer": {"embedding": 8, "layers": 1, "heads": 2, "feedforward": 8},
}


def tokens(name: str, network: str = "lstm", affixes: int = 20) -> TokensEncoding:
    """An input of the words above, all but the last of them known."""
    known = tuple(word.lower() for word in WORDS[:-1])
    return TokensEncoding(name, {"thing": "table"}, name, name, known, True, affixes, 50, network, "max", OPTIONS[network])


def numbers(name: str, columns: int = 2) -> TabularEncoding:
    return TabularEncoding(
        name, {"thing": "table"}, tuple(NumericColumn(f"{name}{i}", f"{name}{i}", 0.0, 1.0) for i in range(columns)), ()
    )


def task(name: str, kind: str, inputs: Sequence[str], tags: str = "", spans: bool = True, crf: bool = True) -> TaskEncoding:
    """A tagging task (`tags` is its input), or one of another kind."""
    if kind != "tagging":
        classes = {"binary": ("0", "1"), "multiclass": ("a", "b", "c")}.get(kind, ())
        return TaskEncoding(name, name, kind, "thing", "table", name, tuple(inputs), "r2", classes=classes)
    of: dict[str, Any] = {"spans": spans, "crf": crf, "tags": tags or inputs[0], "length": 4.0}
    classes = BIO if spans else ("N", "P", "V")
    return TaskEncoding(
        name, name, kind, "thing", "table", name, tuple(inputs), "span_f1" if spans else "accuracy", classes=classes, **of
    )


def sentences(rows: int, seed: int, longest: int = 7, empty: float = 0.1) -> list[list[str]]:
    random = np.random.default_rng(seed)
    lengths = random.integers(1, longest + 1, rows) * (random.random(rows) >= empty)
    return [random.choice(WORDS, length).tolist() for length in lengths]


def bio_of(words: Sequence[str]) -> list[int]:
    """Numbers from 1 in BIO."""
    found: list[int] = []
    for word in words:
        going = bool(found) and found[-1] in (2, 3)
        found.append({"t": 1, "A": 2, "v": 3 if going else 1, "R": 4}[word[0]])
    return found


def kinds_of(words: Sequence[str]) -> list[int]:
    """Numbers from 1 in N, P, V."""
    return [{"t": 1, "A": 2, "v": 3, "R": 2}[word[0]] for word in words]


def rows_of(
    encodings: Encodings, rows: int, seed: int, labelled: float = 0.8, words: Mapping[str, Sequence[Sequence[str]]] | None = None
) -> AlignedSet:
    """Random rows; `words`: of some inputs the sentences."""
    random = np.random.default_rng(seed)
    said = {n: sentences(rows, seed + i) for i, (n, one) in enumerate(encodings.inputs.items()) if one.kind == "tokens"}
    said |= {name: [list(row) for row in of] for name, of in (words or {}).items()}
    frame = pl.DataFrame({name: pl.Series([row or None for row in of], dtype=pl.List(pl.String)) for name, of in said.items()})
    columns = {
        c: random.normal(size=rows) for one in encodings.inputs.values() if one.kind == "tabular" for c in one.columns.values()
    }
    frame = frame.with_columns(**columns)
    inputs = {name: one.apply(frame) for name, one in encodings.inputs.items()}
    mask = random.random((rows, len(encodings.tasks))) < labelled
    targets, lists = np.zeros(mask.shape, np.float32), {}
    for place, one in enumerate(encodings.tasks):
        if one.kind in LISTS:
            tagged = [(bio_of if one.spans else kinds_of)(row) for row in said[one.tags]]
            mask[:, place] &= [len(row) > 0 for row in tagged]
            kept = [row if there else [] for row, there in zip(tagged, mask[:, place], strict=True)]
            flat = np.array([number for row in kept for number in row], np.int32)
            lists[one.name] = Ragged.of_lengths(flat, np.array([len(row) for row in kept]))
        else:
            signal = np.array([sum(word[0] == "A" for word in row) for row in next(iter(said.values()))])
            classes = np.clip(signal, 0, max(0, len(one.classes) - 1))
            targets[:, place] = (signal if not one.classes else classes) * mask[:, place]
    return AlignedSet(inputs, targets, mask, tuple(one.name for one in encodings.tasks), lists=lists)


def mixed(network: str = "lstm") -> Encodings:
    """Two tagging tasks on one input, one of them with other inputs too, among tasks that read rows; all see `s`."""
    tasks = (
        task("a", "tagging", ["s"]),
        task("b", "binary", ["s"]),
        task("c", "tagging", ["s", "x"], tags="s", spans=False, crf=False),
        task("d", "regression", ["x"]),
        task("e", "multiclass", ["s", "x"]),
    )
    return Encodings({"s": tokens("s", network), "x": numbers("x")}, tasks)


def apart() -> Encodings:
    """Two inputs that are tagged: `a` sees the first, `b` the second, `c` tags the first and sees both, `d` reads rows of the
    second."""
    tasks = (
        task("a", "tagging", ["s"]),
        task("b", "tagging", ["u"], spans=False),
        task("c", "tagging", ["s", "u"], tags="s", crf=False),
        task("d", "binary", ["u"]),
        task("e", "regression", ["x"]),
    )
    return Encodings({"s": tokens("s"), "u": tokens("u", "cnn"), "x": numbers("x")}, tasks)


def alone() -> Encodings:
    """Nothing but one tagging task."""
    return Encodings({"s": tokens("s")}, (task("a", "tagging", ["s"]),))


MAKES = {"mixed": mixed, "apart": apart, "alone": alone}
