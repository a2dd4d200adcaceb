"""What one part of the spec says of another: every name that is mentioned must exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from mtl.spec.inputs import MEDIA
from mtl.spec.options import MEETING, ON_GRADIENTS, OWN_ROWS
from mtl.spec.schema import Spec


class LinkError(ValueError):
    """A name that is mentioned at `key` and does not exist."""

    def __init__(self, key: tuple[str, ...], expected: str, found: str, do: str = "") -> None:
        self.key, self.expected, self.found, self.do = key, expected, found, do
        super().__init__(f"{'.'.join(key)}: expected {expected}; found {found}")


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean …`, or what there is."""
    names = list(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"write {close[0]!r}" if close else f"write one of {', '.join(names[:20]) or '(there is none)'}"


def check_links(spec: Spec) -> None:
    """Raise LinkError at the first name that leads nowhere."""
    _need(bool(spec.entities), ("entities",), "at least one entity with its key", "none")
    _need(bool(spec.sources), ("sources",), "at least one source", "none")
    _need(bool(spec.inputs), ("inputs",), "at least one input", "none")
    _need(bool(spec.tasks), ("tasks",), "at least one task", "none")
    for name, source in spec.sources.items():
        if source.entity:
            _known(source.entity, spec.entities, ("sources", name, "entity"), "an entity")
        else:
            _need(
                len(spec.entities) == 1, ("sources", name, "entity"), "the name of its entity, since there are several", "nothing"
            )
    for name in spec.inputs:
        _check_sources(spec, name)
        _check_files(spec, name)
    for name, task in spec.tasks.items():
        _known(task.source, spec.sources, ("tasks", name, "source"), "a source")
        for wanted in task.inputs or ():
            _known(wanted, spec.inputs, ("tasks", name, "inputs"), "an input")
        _check_sight(spec, name)
        _check_tags(spec, name)
    _check_groups(spec)
    _check_balancing(spec)
    _check_sampler(spec)
    _need(
        spec.training.distillation is None or spec.model.sharing != "separate",
        ("training", "distillation"), "a sharing in which tasks can learn from teachers of their own",
        "sharing: separate, whose networks would teach themselves", "remove it, or change model.sharing",
    )  # fmt: skip
    if not any(task.for_each for task in spec.tasks.values()):  # those are named by the data
        for name in spec.gate.floors:
            _known(name, spec.tasks, ("gate", "floors", name), "a task")
        for name in spec.gate.slices:
            _known(name, spec.tasks, ("gate", "slices", name), "a task")
    _check_slices(spec)
    for name in spec.operations.services.watch:
        key = ("operations", "services", "watch", name)
        _known(name, spec.sources, key, "a source")
        _need(
            not spec.sources[name].is_sql, key, "a source whose rows lie in files", "a query",
            "remove it; a schedule of `retrain`, say every five minutes, polls it and does nothing if nothing is new",
        )  # fmt: skip


def _check_slices(spec: Spec) -> None:
    """Floors of slices are of columns that evaluation cuts test by."""
    for task, floors in spec.gate.slices.items():
        for name in floors:
            cut = [column for column in spec.evaluation.slices if name == column or name.startswith(f"{column}=")]
            _need(
                bool(cut), ("gate", "slices", task, name), "COLUMN=BAND, or COLUMN, of a column in evaluation.slices",
                f"{name!r}; those are {', '.join(map(repr, spec.evaluation.slices)) or 'none'}",
                f"add {name.partition('=')[0]!r} to evaluation.slices, or correct it",
            )  # fmt: skip


def _check_files(spec: Spec, name: str) -> None:
    """Where a table lists files, media is read from the column that holds them, and not from that of their paths."""
    one = spec.inputs[name]
    for source in one.all_sources if one.kind in MEDIA else ():
        files = spec.sources[source].files
        paths = [column for column in one.names if column in files.values()]
        made = next((new for new, column in files.items() if column in paths), "")
        _need(
            not paths, ("inputs", name, "column"), f"the column of files, {made!r}", f"{''.join(paths)!r}, that of their paths",
            f"write {made!r}",
        )  # fmt: skip


def _check_sources(spec: Spec, name: str) -> None:
    """Several sources of an input are of different entities: those of one entity are joined, not read one below the other."""
    one, first = spec.inputs[name], dict[str, str]()
    for place, source in enumerate(one.all_sources):
        key = ("inputs", name, "source") if one.source else ("inputs", name, "sources", str(place))
        _known(source, spec.sources, key, "a source")
        entity = spec.entity_of(source)
        other = first.setdefault(entity, source)
        _need(
            other == source, key, "sources of different entities", f"{other!r} and {source!r}, both of {entity!r}",
            "keep one of them, or make an input of each",
        )  # fmt: skip


def _check_sight(spec: Spec, name: str) -> None:
    task = spec.tasks[name]
    entity = spec.entity_of(task.source)
    for wanted in task.inputs or ():
        theirs = spec.input_sources(wanted)
        found = f"{wanted!r} of {', '.join(repr(one) for one in theirs)}"
        _need(entity in theirs, ("tasks", name, "inputs"), f"inputs of the entity {entity!r}", found)
    _need(bool(spec.inputs_of(name)), ("tasks", name, "inputs"), f"an input of the entity {entity!r}", "a task without inputs")
    for of in spec.inputs_of(name):
        one = spec.inputs[of]
        same = task.source in one.all_sources and task.column in one.names
        place = ("columns", task.column) if one.kind == "tabular" else ("column",)
        _need(
            not same, ("inputs", of, *place), f"no input that is the target of task {name!r}", "the target itself",
            "remove it from the inputs",
        )  # fmt: skip


def _check_tags(spec: Spec, name: str) -> None:
    """A tagging task tags one of its inputs, whose tokens stand beside their tags, and needs a sharing that reads row by row."""
    task = spec.tasks[name]
    if task.kind != "tagging":
        return
    theirs = [of for of in spec.inputs_of(name) if spec.inputs[of].kind == "tokens"]
    _need(
        len(theirs) == 1, ("tasks", name, "inputs"), "exactly one input of kind tokens among them, the one that is tagged",
        ", ".join(map(repr, theirs)) or "none", "name it, and no other of that kind",
    )  # fmt: skip
    sources = spec.inputs[theirs[0]].all_sources
    _need(
        task.source in sources, ("tasks", name, "source"),
        f"the source of {theirs[0]!r}, {', '.join(sources)}, since tags stand beside their tokens", repr(task.source),
        "bring both columns in one table",
    )  # fmt: skip
    _need(
        "message_passing" not in spec.model.tried, ("model", "auto" if spec.model.sharing == "auto" else "sharing"),
        f"a sharing whose heads guess once, since task {name!r} tags tokens", "message_passing", "choose another",
    )  # fmt: skip


def _check_balancing(spec: Spec) -> None:
    """Balancing on gradients needs a part that tasks share, and at the representation one that they share as activations."""
    training, sharing = spec.training, spec.model.sharing
    if training.balancing not in ON_GRADIENTS:
        return
    _need(
        sharing != "separate", ("training", "balancing"), f"tasks that share something, for {training.balancing} to balance",
        "model.sharing: separate", "write balancing: equal, or another model.sharing",
    )  # fmt: skip
    without = [name for name in spec.model.tried if name not in MEETING]
    where = "model.auto.also" if sharing == "auto" else "model.sharing"
    _need(
        training.at != "representation" or not without, ("training", "at"),
        f"a sharing with shared activations ({', '.join(MEETING)})", f"{where}: {', '.join(without)}",
        "write at: auto, or at: parameters",
    )  # fmt: skip
    tagging = next((name for name, task in spec.tasks.items() if task.kind == "tagging"), "")
    _need(
        training.at != "representation" or not tagging, ("training", "at"),
        "tasks that all read the same rows, for gradients to meet at the representation", f"task {tagging!r}, which reads tokens",
        "write at: auto, or at: parameters",
    )  # fmt: skip


def _check_sampler(spec: Spec) -> None:
    """A sampler needs batches that tasks share and no task whose rows must come in pairs, and by_weight weights to go by."""
    sampler, key = spec.training.sampler, ("training", "sampler")
    if sampler == "proportional":
        return
    own = [name for name in spec.model.tried if name in OWN_ROWS]
    where = "model.auto.also" if spec.model.sharing == "auto" else "model.sharing"
    _need(
        not own, key, "a sharing whose tasks learn from the same batches", f"{where}: {', '.join(own)}, each task on its own rows",
        "write sampler: proportional, or another sharing",
    )  # fmt: skip
    paired = next((name for name, task in spec.tasks.items() if task.kind == "retrieval"), "")
    _need(
        not paired, key, "a sampler that deals rows of an identity two by two, proportional",
        f"sampler: {sampler}, beside tasks.{paired} of kind retrieval", "write sampler: proportional, or remove the task",
    )  # fmt: skip
    idle = next((name for name, task in spec.tasks.items() if task.weight == 0), "")
    _need(
        sampler != "by_weight" or not idle, key, "a weight above 0 for each task", f"tasks.{idle}.weight: 0",
        "give it a weight, remove the task, or write another sampler",
    )  # fmt: skip


def _check_groups(spec: Spec) -> None:
    """A group names tasks of the spec, or those that `for_each` makes of one (task, underscore, value)."""
    made = tuple(f"{name}_" for name, task in spec.tasks.items() if task.for_each)
    for name in (name for group in spec.model.groups or () for name in group):
        if not name.startswith(made):
            _known(name, spec.tasks, ("model", "groups"), "a task")


def _known(name: str, known: Iterable[str], key: tuple[str, ...], what: str) -> None:
    names = list(known)
    if name not in names:
        raise LinkError(key, f"the name of {what}", repr(name), nearest(name, names))


def _need(holds: bool, key: tuple[str, ...], expected: str, found: str, do: str = "change this line") -> None:
    if not holds:
        raise LinkError(key, expected, found, do)
