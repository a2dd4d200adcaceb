"""The keys that can be tuned; and, before any trial, whether params.yaml's `tune.space` can be done."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from mtl.errors import SpecError
from mtl.spec import SPEC, Choices, Model, Range, Spec, Training, place
from mtl.spec.links import nearest
from mtl.spec.options import WHOLE
from mtl.tuning.base import Base, said_in
from mtl.tuning.options import chooser_of, choosers, option_of
from mtl.tuning.space import AUTO, DECIDING, ON_GRADIENTS_ONLY, Dimension, Space, decides, has_say, saying

NOT_TUNED = {
    "training.seed": "the best of several seeds is luck, not a better spec",
    "training.device": "it says where a model is trained, not which",
    "training.threads": "it says where a model is trained, not which",
    "training.relatedness": "it watches the training and changes nothing of it",
}
"""Keys of model and training that there are, but that make no better spec, and why."""
ENCODING = ("bins", "select", "max_categories")
"""Keys of `encoding` that are tuned by encoding anew, in a scratch folder."""
OF_INPUTS: dict[str, tuple[str, ...]] = {
    "tabular": ("embedding",),
    "vector": (),
    "pretrained_text": (),
    "text": ("tokenizer", "vocabulary", "lowercase", "max_tokens", "network", "pooling"),
    "tokens": ("vocabulary", "least", "lowercase", "affixes", "network", "pooling"),
    "image": ("channels", "augment.flip", "augment.shift", "augment.rotate"),
    "audio": ("seconds", "mels", "window_ms", "hop_ms", "network", "pooling"),
}
"""Kind of an input -> its keys that are tuned, likewise; and the options of a text's network. Not the `max_tokens` of tokens:
valid's loss is of the tags that are read, so that a trial would gain by reading less."""
DEFAULTS: dict[str, Choices | Range] = {
    "model.sharing": ("shared_bottom", "hybrid", "mmoe"),
    "training.balancing": ("equal", "uncertainty"),
    "model.width": (64, 128, 256, 512),
    "model.depth": Range(low=1, high=4),
    "model.dropout": Range(low=0, high=0.5),
    "training.weight_decay": Range(low=1e-4, high=1e-1, log=True),
}
"""What is varied where params.yaml names nothing; and training.lr, by a factor of AROUND either way."""
DECIDED_BY = {
    "training.momentum": "training.optimizer",
    "training.sampler": "model.sharing",
    "training.temperature": "training.sampler",
    "model.bin_width": "encoding.bins",
}
"""Key → the one that decides whether it has a say, where that is no balancing and chooses no options."""
AROUND = 5.0


def space_of(base: Base) -> Space:
    """The space that the spec asks for, or one that suits most.

    Raises SpecError, with line and key, for a key that there is not or that cannot be tuned, for a value that the spec
    refuses in every trial, and for a key that would have no say in any.
    """
    written = base.spec.tune.space
    known = list(tunable_keys(base.spec))
    for key in written:
        _must_be_known(key, known)
    space = _ordered(written or _default_space(base), base.spec)
    for one in space.dimensions:
        _must_be_possible(one, space, base)
    return space


def tunable_keys(spec: Spec) -> Iterator[str]:
    """Every key that can be tuned; one that ends in `.` stands for all names below it."""
    for section, part in (("model", Model), ("training", Training)):
        yield from (key for key in _below(part, section) if key not in NOT_TUNED and key != f"{section}.options.")
    yield from (f"tasks.{task}.weight" for task in spec.tasks)
    yield from (f"encoding.{name}" for name in ENCODING)
    for name, one in spec.inputs.items():
        yield from (f"inputs.{name}.{key}" for key in OF_INPUTS[one.kind])
    for chooser in choosers(spec):
        at, table = ".".join((*chooser.part, "options")), chooser.table(lambda key: said_in(spec, key))
        yield from dict.fromkeys(f"{at}.{name}" for taken in table.values() for name in taken)


def _below(part: type[BaseModel], at: str) -> Iterator[str]:
    for name, field in part.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is not None:
            yield from _below(inner, f"{at}.{name}")
        else:
            yield f"{at}.{name}." if any(get_origin(kind) is dict for kind in kinds) else f"{at}.{name}"


def _must_be_known(key: str, known: list[str]) -> None:
    if key in known or any(one.endswith(".") and key.startswith(one) for one in known):
        return
    where = place(SPEC, ("tune", "space", key))
    if key in NOT_TUNED:
        raise SpecError(
            f"{where}: not a key to tune", expected="a key that makes another model", found=NOT_TUNED[key], do="remove it"
        )
    section = key.split(".")[0]
    raise SpecError(
        f"{where}: unknown key" if section in ("model", "training", "tasks") else f"{where}: not a key to tune",
        expected="a key of model, training, encoding (" + ", ".join(ENCODING) + "), tasks.NAME.weight or what an input has to tune",
        found=repr(key), do=nearest(key, [one.rstrip(".") for one in known]),
    )  # fmt: skip


def _default_space(base: Base) -> dict[str, Choices | Range]:
    """DEFAULTS, as far as this spec allows each value; a sharing that decides for itself is left to do so."""
    lr = base.spec.training.lr
    own = ("model.sharing",) if base.spec.model.sharing == AUTO else ()
    of_all = {key: varied for key, varied in DEFAULTS.items() if key not in own}
    space: dict[str, Choices | Range] = {**of_all, "training.lr": Range(low=lr / AROUND, high=lr * AROUND, log=True)}
    found: dict[str, Choices | Range] = {}
    for key, varied in space.items():
        if isinstance(varied, Range):
            found[key] = varied
        elif len(allowed := tuple(value for value in varied if _refused(base, {key: value}) is None)) > 1:
            found[key] = allowed
    return {key: varied for key, varied in found.items() if has_say(key, base.said)}


def _ordered(written: dict[str, Choices | Range], spec: Spec) -> Space:
    first = [*(key for key in DECIDING if key in written), *(key for key in written if decides(key) and key not in DECIDING)]
    keys = [*first, *(key for key in written if not decides(key))]
    return Space(tuple(Dimension(key, written[key], _is_whole(key, written[key], spec)) for key in keys))


def _is_whole(key: str, varied: Choices | Range, spec: Spec) -> bool:
    """Whether the spec wants whole numbers there (options: where every default of that name is one)."""
    if not isinstance(varied, Range):
        return False
    if option := option_of(key):
        chooser, name = option
        tables = chooser.table(lambda key: said_in(spec, key)).values()
        return name in WHOLE or all(isinstance(taken[name], int) for taken in tables if name in taken)
    return _wants_int(Spec, key.split("."))


def _wants_int(annotation: Any, steps: list[str]) -> bool:
    kinds = list(_kinds(annotation))
    if not steps:
        return int in kinds and float not in kinds
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(steps[0])
            if field is not None and _wants_int(field.annotation, steps[1:]):
                return True
            continue  # another kind of input may have it
        if get_origin(kind) is dict:
            return _wants_int(get_args(kind)[1], steps[1:])
    return False


def _kinds(annotation: Any) -> Iterator[Any]:
    """The parts of a union or an `Annotated`, dicts as they are."""
    yield annotation
    if get_origin(annotation) not in (None, dict, list, tuple):
        for one in get_args(annotation):
            yield from _kinds(one)


def _must_be_possible(one: Dimension, space: Space, base: Base) -> None:
    """Every value must have a say, and be allowed by the spec, in some trial of this space."""
    trials = [{k: v for k, v in trial.items() if k != one.key} for trial in _deciding_values(one.key, space)]
    where = place(SPEC, ("tune", "space", one.key)) if base.spec.tune.space else one.key
    heard = [values for values in trials if has_say(one.key, saying(base, values))]
    if not heard:
        raise SpecError(
            f"{where}: has no say in any trial", expected=_needs(one.key, base), found=_what_is(one.key, base),
            do="put that among what is varied, or remove this key",
        )  # fmt: skip
    for value in one.probes:
        if one.key == "model.sharing" and value == AUTO:
            raise SpecError(
                f"{where}: {AUTO}", expected="sharings to try", found=f"{AUTO}, which is a search itself", do="remove it"
            )
        refusals = (_refused(base, {**values, one.key: value}) for values in heard)
        first = None
        for refusal in refusals:
            if refusal is None:
                break
            first = first or refusal
        else:
            assert first is not None
            raise SpecError(
                f"{where}: {value!r}", expected=first.expected, found=first.found or repr(value), do="change this value"
            )


def _deciding_values(key: str, space: Space) -> list[dict[str, Any]]:
    """Every way to choose what decides about `key`; the network of another text decides nothing here."""
    chooser = chooser_of(key)
    deciding = [one for one in space.dimensions if one.key in DECIDING or (chooser and one.key == chooser.key)]
    return [dict(chosen) for chosen in itertools.product(*([(one.key, value) for value in one.probes] for one in deciding))]


def _needs(key: str, base: Base) -> str:
    if option := option_of(key):
        chooser, name = option
        takers = [choice for choice, taken in chooser.table(base.said).items() if name in taken]
        return f"{chooser.key}: {' or '.join(takers)}, which takes this option"
    if key.startswith("tasks."):
        return "training.balancing: fixed or training.sampler: by_weight, which read the weights, and a sharing that is written"
    if key == "training.momentum":
        return "training.optimizer: sgd"
    if key == "training.sampler":
        return "a sharing whose tasks learn from the same batches"
    if key == "training.temperature":
        return "training.sampler: temperature"
    if key in ON_GRADIENTS_ONLY:
        return "a training.balancing that compares gradients"
    return "encoding.bins" if key == "model.bin_width" else "a sharing that is written, other than separate"


def _what_is(key: str, base: Base) -> str:
    chooser = chooser_of(key)
    usual = chooser.key if chooser else "training.balancing"
    decisive = DECIDED_BY.get(key, usual)
    return f"{decisive}: {base.said(decisive)}"


def _refused(base: Base, values: dict[str, Any]) -> SpecError | None:
    try:
        base.spec_with(values)
    except SpecError as error:
        return error
    return None
