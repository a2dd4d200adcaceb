"""Tasks whose labelled train rows have none of the inputs they may see: a join that found nothing."""

from __future__ import annotations

import polars as pl

from mtl.data.fitting.tasks import Target
from mtl.errors import UnfitError
from mtl.spec import Spec

EXAMPLES = 3
SOME = 1000


def drop_blind(spec: Spec, targets: list[Target], inputs: dict[str, pl.DataFrame]) -> tuple[list[Target], dict[str, str]]:
    """The tasks that see something, and those that do not with the reason.

    `inputs`: input -> entity, key, …, one row for each that it has. Without a check every such row would pass as one whose
    inputs are missing, and a constant would be learned. Raises UnfitError where `on_unfit` is `stop`.
    """
    known = {
        (name, e): frame.filter(pl.col("entity") == e)["key"] for name, frame in inputs.items() for e in spec.input_sources(name)
    }
    seeing: list[Target] = []
    blind: dict[str, str] = {}
    for target in targets:
        theirs = {name: known[name, target.task.entity] for name in target.task.inputs}
        if _sees(target, theirs):
            seeing.append(target)
        elif (spec.tasks[target.task.of].on_unfit or spec.encoding.on_unfit) == "drop":
            blind[target.task.name] = "no labelled train row has any of its inputs"
        else:
            raise _never_meet(spec, target, theirs)
    return seeing, blind


def _labelled(target: Target) -> pl.Series:
    return target.rows.filter((pl.col("split") == "train") & pl.col("label").is_not_null())["key"]


def _sees(target: Target, known: dict[str, pl.Series]) -> bool:
    keys = _labelled(target)
    some = keys.head(SOME)  # mostly one of these has an input: then the others are not looked up
    return any(of_input.is_in(of.implode()).any() for of in (some, keys) for of_input in known.values())


def _never_meet(spec: Spec, target: Target, known: dict[str, pl.Series]) -> UnfitError:
    task = target.task
    theirs = [f"{_few(keys)} in {spec.input_sources(name)[task.entity]!r}" for name, keys in known.items()]
    return UnfitError(
        f"task {task.name!r}: no labelled train row has any of its inputs",
        expected=f"keys of {task.source!r} that its inputs' sources have too",
        found=f"{_few(_labelled(target))} in {task.source!r}; {'; '.join(theirs)}",
        do=f"spell the keys alike in both tables, correct `key` of the entity {task.entity!r}, or write `on_unfit: drop`",
    )


def _few(keys: pl.Series) -> str:
    """Some keys as a person reads them."""
    return ", ".join(repr(key.replace("\x1f", " / ")) for key in keys.sort().head(EXAMPLES)) or "none"
