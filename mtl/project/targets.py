"""What kind of task a target column makes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from mtl.project.columns import foreign_spelling, guess_range, is_date, is_number, seen
from mtl.project.guessed import GuessedTask
from mtl.project.look import Look

YES_NO = (
    ("0", "1"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("negative", "positive"), ("neg", "pos"),
    ("nein", "ja"), ("non", "oui"), ("no", "sí"), ("no", "si"), ("否", "是"),
)  # fmt: skip
"""(negative, positive), whatever their capitals."""
ORDERS: tuple[tuple[str, ...], ...] = (
    ("very poor", "poor", "fair", "good", "very good", "excellent"),
    ("very bad", "bad", "ok", "good", "very good"),
    ("very low", "low", "medium", "high", "very high"),
    ("low", "moderate", "high"),
    ("extra small", "small", "medium", "large", "extra large"),
    ("never", "rarely", "sometimes", "often", "always"),
    ("none", "mild", "moderate", "severe", "critical"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very unlikely", "unlikely", "neutral", "likely", "very likely"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("negative", "neutral", "positive"),
    ("beginner", "intermediate", "advanced", "expert"),
)
"""Words in their order, lowest first."""
ORDERED_NAME = re.compile(
    r"rating|score|star|grade|level|stage|severity|rank|quality|satisf|degree|count|(^|_)n(um)?_", re.IGNORECASE
)
CLASS_NAME = re.compile(r"class|label|digit|type|kind|categor|species|group|code|topic|letter", re.IGNORECASE)
MOST_CLASSES = 200
FEW_LABELS = 200
RARE = 10
"""Rows of a class below which it is pointed out."""
NEITHER = 0.1
"""Share of labels beside yes and no up to which the task is yes or no all the same."""


def guess_task(look: Look, name: str, source: str) -> GuessedTask | str:
    """The task that this column makes, or the reason why it makes none."""
    reason = _no_target(look)
    if reason:
        return reason
    of_values = _of_numbers if is_number(look) else _multiclass
    task = _binary(look, name, source) or _ordered_words(look, name, source) or of_values(look, name, source)
    return task if isinstance(task, str) else _with_few_labels(task, look)


def _no_target(look: Look) -> str:
    if look.closed:
        if look.dtype == pl.Binary:
            return "each cell holds bytes; only values can be learned"
        return "each cell holds several values; `kind: multilabel` learns lists of labels"
    if not look.known:
        return "it is empty"
    if look.unique == 1:
        return f"every label is the same ({next(iter(look.values), '')!r})"
    return "it holds dates" if is_date(look) else foreign_spelling(look)


def _pair(values: Sequence[str]) -> tuple[str, str] | None:
    """(negative, positive) in the data's own spelling, if both are among the values."""
    spelled = {_fold(v): v for v in reversed(values)}
    return next(((spelled[n], spelled[p]) for n, p in YES_NO if n in spelled and p in spelled), None)


def _fold(value: str) -> str:
    return re.sub(r"\.0$", "", value.strip().lower())


def _binary(look: Look, name: str, source: str) -> GuessedTask | None:
    values = list(look.values)
    pair = _pair(values)
    if len(values) == 2:
        negative, positive = pair or (values[0], values[1])
        doubt = () if pair else (f"taken as yes or no with {positive!r}, the rarer one, as positive",)
        return _yes_no(look, name, source, negative, positive, doubt)
    if pair is None or not 3 <= len(values) <= 5 or (is_number(look) and not look.strangers):
        return None
    others = [v for v in values if v not in pair]
    share = sum(look.values[v] for v in others) / look.known
    if share > NEITHER:
        return None
    doubt = (f"{', '.join(repr(v) for v in others)} ({share:.1%} of the labels) is neither yes nor no: set aside",)
    return _yes_no(look, name, source, *pair, doubt, set_aside=share)


def _yes_no(
    look: Look, name: str, source: str, negative: str, positive: str, doubts: tuple[str, ...], set_aside: float = 0.0
) -> GuessedTask:
    share = look.values[positive] / (look.values[positive] + look.values[negative])
    why = f"{share:.1%} of {look.values[positive] + look.values[negative]} labels are {positive}"
    plain = (_fold(negative), _fold(positive)) == ("0", "1") and not set_aside
    return GuessedTask(
        name, source, look.name, "binary", why,
        positive=positive, negative=negative, plain=plain, doubts=doubts, set_aside=set_aside,
    )  # fmt: skip


def _ordered_words(look: Look, name: str, source: str) -> GuessedTask | None:
    folded = {re.sub(r"[\s_\-]+", " ", v).strip(" ?.").lower(): v for v in look.values}
    order = next((o for o in ORDERS if len(folded) >= 3 and set(folded) <= set(o)), None)
    if order is None or len(folded) != look.unique:
        return None
    classes = tuple(folded[word] for word in order if word in folded)
    return GuessedTask(name, source, look.name, "ordinal", f"{look.known} labels; lowest first", classes=classes)


def _of_numbers(look: Look, name: str, source: str) -> GuessedTask:
    if look.whole and not look.strangers and look.unique <= 10:
        values = sorted(look.values, key=float)
        ordered = not CLASS_NAME.search(look.name) and (ORDERED_NAME.search(look.name) or (look.low == 1 and len(values) <= 7))
        kind, other = ("ordinal", "multiclass") if ordered else ("multiclass", "ordinal")
        classes = tuple(_fold(v) for v in values)
        doubt = f"{len(values)} whole numbers, taken as {kind} classes; write kind {other}, or regression, if that is meant"
        return GuessedTask(name, source, look.name, kind, f"{look.known} labels", classes=classes, doubts=(doubt,))
    share = (look.strangers + look.infinite) / look.known
    strange = ", ".join(repr(v) for v in look.strange) or "inf"
    doubts = (f"{look.strangers + look.infinite} labels are no number ({strange}): set aside",) if share else ()
    why = f"{look.known} labels, {seen(look)}"
    return GuessedTask(name, source, look.name, "regression", why, range=guess_range(look), set_aside=share, doubts=doubts)


def _multiclass(look: Look, name: str, source: str) -> GuessedTask | str:
    if look.unique > MOST_CLASSES or look.unique > 0.2 * look.known:
        many = f"text with {look.unique} different values in {look.known} rows"
        return f"{many}; that is neither a number nor a class (kind retrieval finds the likes of a row)"
    rare = [value for value, count in look.values.items() if count < RARE]
    doubts = (f"{len(rare)} of {look.unique} classes have fewer than {RARE} labels ({', '.join(rare[:5])})",) if rare else ()
    classes = tuple(sorted(look.values))
    return GuessedTask(name, source, look.name, "multiclass", f"{look.known} labels", classes=classes, doubts=doubts)


def _with_few_labels(task: GuessedTask, look: Look) -> GuessedTask:
    doubts, may_drop = list(task.doubts), False
    if look.known < FEW_LABELS:
        doubts.append(f"only {look.known} labels")
        may_drop = True
    if task.kind == "binary":
        least = min(look.values[v] for v in (task.positive, task.negative) if v is not None)
        if least < 2 * RARE:
            doubts.append(f"only {least} labels of one of its two classes")
            may_drop = True
    return replace(task, doubts=tuple(doubts), may_drop=may_drop)
