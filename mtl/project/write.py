"""A guessed project as the text of its params.yaml, each guess with its reason beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from mtl.project.guessed import Guess, GuessedSource, GuessedTask, InputColumn, Range, plain_name
from mtl.project.look import NULL_VALUES
from mtl.project.yaml_lines import comment, key_of, mapping, number, quoted, scalar, sequence

SLICED = re.compile(r"^(gender|sex|region|country|site)$", re.IGNORECASE)
"""Columns whose values one wants to see apart."""
FEW = 2_000
"""Rows up to which an implicit ensemble costs seconds; what it gains, benchmarks/RESULTS.md has for a share of NHANES' labels."""


def params_text(guess: Guess) -> str:
    """params.yaml of the guessed project."""
    parts = [_head(guess), _sources(guess), _inputs(guess), _tasks(guess), _learning(guess)]
    return "\n".join(line for part in parts for line in [*part, ""]).rstrip() + "\n"


def _head(guess: Guess) -> Iterator[str]:
    yield "# Written by `mtl init` from a look at the tables: every line is a guess, with its reason beside it."
    yield "# `mtl check` says what will be done; change what is wrong, then `mtl run`."
    yield f"name: {scalar(guess.name)}"
    yield ""
    yield "entities:"
    yield "  row: # what a row is about; rename it as you like"
    keys = [scalar(key) for key in guess.keys]
    yield from [f"    key: {keys[0]}"] if len(keys) == 1 else sequence("    key", keys)
    split = {"train": "0.7", "valid": "0.1", "test": "0.2", "seed": "0"}
    if guess.split.way:
        split[guess.split.way] = scalar(guess.split.column)
    yield from mapping("    split", split, guess.split.why)


def _sources(guess: Guess) -> Iterator[str]:
    yield "sources:"
    for name, source in guess.sources.items():
        yield f"  {name}:"
        columns = len(source.table.columns) - (source.row_number is not None)
        yield f"    path: {scalar(source.path)}{comment(f'{source.table.rows} rows, {columns} columns')}"
        yield from _manner(source)


def _manner(source: GuessedSource) -> Iterator[str]:
    """How the file is written, where it differs from what the spec takes for granted."""
    table = source.table
    if table.encoding != "utf-8":
        yield f"    encoding: {table.encoding} # it is not UTF-8; check that its letters come out right"
    more = (*table.null_values, *source.codes)
    if more:
        all_of_them = [quoted(value) for value in (*NULL_VALUES, *more)]
        yield from sequence("    null_values", all_of_them, f"{', '.join(more)} found where a value is missing")
    if source.row_number:
        yield f"    row_number: {scalar(source.row_number)} # it has no key"
    if source.latest_by:
        yield "    repeats: latest # keys repeat"
        yield f"    latest_by: {scalar(source.latest_by)}"
    if source.set_aside > 0.02:
        limit = min(1.0, math.ceil(source.set_aside * 150) / 100)
        yield f"    max_quarantined: {limit:g} # {source.set_aside:.1%} of its rows, or of one target's labels, will be set aside"


def _inputs(guess: Guess) -> Iterator[str]:
    yield "inputs:"
    taken = set(guess.inputs)
    for source, columns in guess.inputs.items():
        for text in (column for column in columns if column.kind == "text"):
            taken.add(name := plain_name(text.name, taken))
            said = {"source": source, "kind": "text", "column": scalar(text.name), "network": "cnn"}
            yield from mapping(f"  {name}", said, text.why)
        if cells := [column for column in columns if column.kind != "text"]:
            yield f"  {source}:"
            yield f"    source: {source}"
            yield "    kind: tabular"
            yield "    columns:"
            for column in cells:
                yield from _column(column)
        yield from (f"      # left out: {key_of(one.name)}{comment(one.why)}" for one in guess.left_out[source])


def _column(column: InputColumn) -> Iterator[str]:
    said: dict[str, str | Sequence[str]] = {"kind": column.kind, **_range(column.range)}
    if column.values:
        said["values"] = [scalar(value) for value in column.values]
    yield from mapping(f"      {key_of(column.name)}", said, column.why)


def _range(span: Range | None) -> dict[str, str]:
    return {"min": number(span.low), "max": number(span.high)} if span else {}


def _tasks(guess: Guess) -> Iterator[str]:
    yield "tasks: # each may see every input; name some under `inputs` to hide the others"
    for task in guess.tasks:
        yield from mapping(f"  {task.name}", _task(task), task.why)


def _task(task: GuessedTask) -> dict[str, str | Sequence[str]]:
    said: dict[str, str | Sequence[str]] = {"source": task.source, "column": scalar(task.column), "kind": task.kind}
    if task.positive is not None and task.negative is not None and not task.plain:
        said |= {"positive": scalar(task.positive), "negative": scalar(task.negative)}
    if task.classes:
        said["classes"] = [scalar(one) for one in task.classes]
    said |= _range(task.range)
    if task.may_drop:
        said["on_unfit"] = "drop"
    return said


def _learning(guess: Guess) -> Iterator[str]:
    yield "encoding:"
    yield "  on_unfit: stop # a task without enough labels stops the run; `drop` leaves it out"
    yield "  leak: {threshold: 0.98, on_leak: stop} # an input column that alone predicts a task stops the run"
    yield ""
    rows = max(source.table.rows for source in guess.sources.values())
    reads = any(column.kind == "text" for columns in guess.inputs.values() for column in columns)
    few = rows <= FEW and not reads
    more = "dropout: 0.5, members: 8} # few rows: members of an ensemble, more dropout" if few else "dropout: 0.3}"
    yield f"model: {{sharing: shared_bottom, width: 256, depth: 2, {more}"
    yield ""
    batch = next(size for size, most in ((64, FEW), (256, 50_000), (1024, math.inf)) if rows <= most)
    epochs = "max_epochs: 20, patience: 3" if reads else "max_epochs: 100, patience: 10"  # texts take longer and fewer of them
    loop = f"lr: {'3e-3' if few else '1e-3'}, batch_size: {batch}, {epochs}, device: auto"
    yield f"training: {{balancing: equal, optimizer: adamw, {loop}}}"
    yield ""
    sliced = [c.name for columns in guess.inputs.values() for c in columns if c.kind == "categorical" and SLICED.match(c.name)]
    yield f"evaluation: {{resamples: 2000, slices: {{{', '.join(f'{key_of(name)}: null' for name in sliced)}}}}}"
    yield ""
    yield "gate: {no_worse_than: [single_task, champion], tolerance: 0.02, confidence: 0.95}"
