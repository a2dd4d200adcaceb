"""`mtl check`: what will be done, said before anything is done; or what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mtl.data.contract.columns import uses_of
from mtl.data.contract.use import Use
from mtl.data.sources import read_header
from mtl.dvc_reads import must_be_read_by_dvc
from mtl.errors import DataError
from mtl.pretrained.source import find_model, models_of
from mtl.spec import (
    NUMBERS,
    SPEC,
    AudioInput,
    ImageInput,
    Input,
    PretrainedTextInput,
    Spec,
    Split,
    Task,
    TextInput,
    TokensInput,
    VectorInput,
    place,
    read_spec,
)
from mtl.spec.tagging import CRF

Headers = dict[str, list[str]]


def check_project(root: Path, console: Console | None = None) -> None:
    """Read the spec and the sources' headers, and print what will be done.

    Raises SpecError or DataError, naming the line of params.yaml, for what cannot be done.
    """
    (console or Console()).print(describe_project(root))


def describe_project(root: Path) -> RenderableType:
    """What will be done, to be printed. Raises SpecError or DataError as `check_project` does."""
    spec = read_spec(root / SPEC)
    must_be_read_by_dvc((root / SPEC).read_text(encoding="utf-8"), SPEC)
    headers = {name: [str(column) for column in read_header(spec, name, root)] for name in spec.sources}
    check_columns(spec, headers, root)
    for where, model in models_of(spec).items():
        find_model(model, where, root)
    return Group(_title(spec), _sources(spec, headers), _inputs(spec), _tasks(spec), Text("\n".join(_rest(spec))))


# ---------------------------------------------------------------- what can be wrong


def check_columns(spec: Spec, headers: Headers, root: Path) -> None:
    """Raise DataError for the first column that the spec names and no table has."""
    for name in spec.sources:
        have = {*headers[name], *spec.sources[name].derived}
        for use in uses_of(spec, name).values():
            if use.column in have or (use.optional and _elsewhere(spec, name, use, headers)):
                continue
            raise _missing(spec, name, use, sorted(have), root)


def _elsewhere(spec: Spec, name: str, use: Use, headers: Headers) -> bool:
    """Another source that may hold the column has it: of the same entity, or of any for a slice."""
    entity = spec.entity_of(name)
    others = spec.sources if use.where.startswith("evaluation.") else spec.sources_of(entity)
    return any(use.column in (*headers[other], *spec.sources[other].derived) for other in others)


def _missing(spec: Spec, name: str, use: Use, have: list[str], root: Path) -> DataError:
    close = get_close_matches(use.column, have, n=1, cutoff=0.6)
    there = ", ".join(have[:12]) + (", …" if len(have) > 12 else "")
    path = spec.sources[name].path
    return DataError(
        f"{path if not spec.sources[name].is_sql else name}: no column {use.column!r}",
        expected=f"the column that {place(root / SPEC, use.where)} names",
        found=f"the nearest is {close[0]!r}" if close else f"the columns {there}",
        do=f"write {close[0]!r} there" if close else "correct the name there, or bring the column",
    )


# ---------------------------------------------------------------- what will be done


def _title(spec: Spec) -> Text:
    keys = "; ".join(f"{name} (key {', '.join(entity.key)})" for name, entity in spec.entities.items())
    text = Text.assemble((spec.name, "bold"), f": {_count(len(spec.tasks), 'task')} of {keys}")
    return text.append(f", from {_count(len(spec.sources), 'source')}")


def _grid(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _sources(spec: Spec, headers: Headers) -> Table:
    read = {name: {*uses_of(spec, name), *source.files.values()} for name, source in spec.sources.items()}
    unread = {name: [c for c in headers[name] if c not in read[name]] for name in spec.sources}
    table = _grid("source", "path", "columns read", *(["not read"] if any(unread.values()) else []))
    for name, source in spec.sources.items():
        derived = f" + {len(source.derived)} derived" if source.derived else ""
        columns = f"{len(headers[name]) - len(unread[name])} of {len(headers[name])}{derived}"
        row = [name, "an SQL query" if source.is_sql else source.path, columns, _some(unread[name])]
        table.add_row(*row[: len(table.columns)])
    return table


def _inputs(spec: Spec) -> Table:
    table = _grid("input", "source", "columns")
    for name, one in spec.inputs.items():
        table.add_row(name, ", ".join(one.all_sources), _read(one))
    return table


def _read(one: Input) -> str:
    if isinstance(one, TextInput):
        return f"{one.column}: text, {one.tokenizer} of at most {one.vocabulary:,} tokens, {one.network}"
    if isinstance(one, TokensInput):
        made = "words and what they begin and end with" if one.affixes else "words"
        return f"{one.column}: tokens, {made}, of at most {one.vocabulary:,} words, {one.network}"
    if isinstance(one, PretrainedTextInput):
        return f"{one.column}: text, {one.model}, {one.mode}"
    if isinstance(one, AudioInput):
        return f"{one.column}: sound at {one.rate:,} samples a second, at most {one.seconds:g} s, {one.mels} bands, {one.network}"
    if isinstance(one, ImageInput):
        return f"{one.column}: pictures, {' × '.join(map(str, (*one.pixels, one.colours)))}, {one.reader}"
    if isinstance(one, VectorInput):
        return f"{one.column}: a vector of {one.size:,} {one.format}"
    kinds = [column.kind for column in one.columns.values()]
    return " and ".join(f"{kinds.count(kind)} {kind}" for kind in ("numeric", "categorical") if kind in kinds)


def _tasks(spec: Spec) -> Table:
    blind = any(task.inputs is not None for task in spec.tasks.values())
    table = _grid("task", "kind", "from", "labels", "judged by", *(["sees"] if blind else []))
    for name, task in spec.tasks.items():
        shown = f"{name}, one for each {task.for_each.column}" if task.for_each else name
        origin = task.source if task.column == name else f"{task.source}.{task.column}"
        row = [shown, task.kind, origin, _labels(task), task.headline, ", ".join(spec.inputs_of(name))]
        table.add_row(*row[: len(table.columns)])
    return table


def _labels(task: Task) -> str:
    if task.kind == "binary":
        return f"{task.positive or '1'} against {task.negative or ('the rest' if task.positive else '0')}"
    if task.kind in NUMBERS:
        least = 0 if task.kind == "count" and task.min is None else task.min
        low, high = ("" if bound is None else f"{bound:g}" for bound in (least, task.max))
        span = f"{low} … {high} {task.unit}".strip() if low or high else task.unit
        levels = "quantiles " + ", ".join(f"{level:g}" for level in task.quantiles) if task.quantiles else ""
        return "; ".join(part for part in (span, levels) if part)
    if task.kind == "tagging":
        chain = "a tag's neighbours have a say" if task.crf or (task.crf is None and CRF) else "each token for itself"
        return f"scheme {task.scheme}, {chain}"
    if task.classes is None:
        return "classes as train has them"
    between = " < " if task.kind == "ordinal" else ", "
    whole = between.join(task.classes)
    return whole if len(whole) <= 24 else f"{task.classes[0]}{between}…{between}{task.classes[-1]} ({len(task.classes)})"


def _rest(spec: Spec) -> Iterator[str]:
    if all(task.inputs is None for task in spec.tasks.values()):
        yield "each task sees every input of its entity"
    limits = {f"{source.max_quarantined:.1%}" for source in spec.sources.values()}
    apart = [f"{name} {source.max_quarantined:.1%}" for name, source in spec.sources.items()]
    yield f"quarantine stops the run past {limits.pop() if len(limits) == 1 else ', '.join(apart)} of a source's rows or labels"
    for name, entity in spec.entities.items():
        yield f"split of {name}: {_split(entity.split)}"
    model, loop, gate = spec.model, spec.training, spec.gate
    tried = f" ({model.auto.budget} trainings at most decide)" if model.sharing == "auto" else ""
    members = f", {model.members} members" if model.members > 1 else ""
    bins = f", numbers in {spec.encoding.bins} bins" if spec.encoding.bins else ""
    size = f"{_count(model.depth, 'layer')} of {model.width}"
    yield f"model: {model.sharing}{tried}, {size}{members}{bins}, dropout {model.dropout:g}"
    yield (
        f"training: {loop.optimizer}, lr {loop.lr:g}, batches of {loop.batch_size}, at most {_count(loop.max_epochs, 'epoch')}"
        f" (patience {loop.patience}), balancing {loop.balancing}, sampler {loop.sampler}, device {loop.device}"
    )
    if loop.distillation is not None:
        yield f"single-task networks teach the shared one (weight {loop.distillation.weight:g} at first)"
    penalties = loop.regularizers.lambdas
    if penalties:
        yield f"regularizers: {', '.join(f'{name} {weight:g}' for name, weight in penalties.items())}"
    rivals = " and ".join(rival.replace("_", "-") for rival in gate.no_worse_than) or "nothing"
    yield f"gate: no task worse than {rivals}, tolerance {gate.tolerance:.1%}, confidence {gate.confidence:.0%}"
    floors = [f"{name} {floor:g}" for name, floor in gate.floors.items()]
    floors += [f"{name} on {part} {floor:g}" for name, parts in gate.slices.items() for part, floor in parts.items()]
    if floors:
        yield f"floors: {_some(floors)}"


def _split(split: Split) -> str:
    if isinstance(split.test, str):
        return f"test where {split.test}; the rest train and valid"
    ratios = f"{split.train:.0%} train, {split.valid:.0%} valid, {split.test:.0%} test"
    if split.column:
        return f"as the column {split.column!r} says"
    if split.time:
        return f"{ratios} by {split.time!r}: the oldest train, the newest test"
    return f"{ratios} by " + (f"groups of {split.by!r}" if split.by else "a stable hash of the key") + f", seed {split.seed}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _count(n: int, what: str) -> str:
    return f"{n} {what}" + ("" if n == 1 else "s")
