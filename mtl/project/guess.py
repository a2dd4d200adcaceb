"""From tables to a whole project: which sources, inputs, tasks and split, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches

import polars as pl

from mtl.errors import DataError
from mtl.project.columns import Code, guess_input, guess_range, is_date, missing_codes, seen
from mtl.project.giveaways import GIVES_AWAY, STRONG, scores
from mtl.project.guessed import (
    IDENTIFIER,
    Guess,
    GuessedSource,
    GuessedTask,
    InputColumn,
    LeftOut,
    plain_name,
)  # fmt: skip
from mtl.project.look import Look, Table, numbered
from mtl.project.splits import BIRTH, guess_split
from mtl.project.targets import guess_task

ROW_NUMBER = "row"
"""The new column that numbers the rows of a table without a key."""


def guess_project(tables: dict[str, Table], paths: dict[str, str], name: str, keys: Sequence[str], targets: Sequence[str]) -> Guess:
    """Everything params.yaml will say. `tables`: source -> its table; `paths`: source -> path as the project writes it.

    Raises DataError where no project can be made of these tables (no key, no such target, a key that repeats).
    """
    doubts: list[str] = []
    tables, row_number = (tables, None) if keys else _with_a_key(tables)
    key = tuple(keys) or (guess_key(tables, doubts) if row_number is None else row_number,)
    found = _find_targets(tables, targets)
    _no_key_among(found, key)
    for table in tables.values():
        _check_key(table, key)
    latest = {source: _latest_by(table, key, doubts) for source, table in tables.items()}
    tasks = _tasks(tables, found, doubts)
    split, more = guess_split(tables, key, {column for _, column in found})
    doubts += more
    guess = Guess(name, key, {}, {}, {}, tasks, split, doubts)
    _sort_columns(guess, tables, {column for _, column in found})
    _leave_out_giveaways(guess, tables)
    _ask_about_neighbours(guess)
    for source, table in tables.items():
        guess.sources[source] = replace(_source(guess, source, table, paths[source], latest[source]), row_number=row_number)
    if row_number is not None:
        doubts.append(f"no column looks like the key: rows are numbered as they come ({row_number!r}); add new ones below the old")
    if not any(guess.inputs.values()):
        raise DataError("no column is left as input", expected="columns beside the key and the targets", found=_reasons(guess))
    return guess


# ---------------------------------------------------------------- keys


def _with_a_key(tables: dict[str, Table]) -> tuple[dict[str, Table], str | None]:
    """A lone table without a key gets the number of each row as one; its name, or None where nothing had to be added."""
    if len(tables) > 1 or _named_keys(tables):
        return tables, None
    ((source, table),) = tables.items()
    name = plain_name(ROW_NUMBER, set(table.columns))
    return {source: numbered(table, name)}, name


def guess_key(tables: dict[str, Table], doubts: list[str]) -> str:
    """A column that all tables have, without gaps or repeats, and with a key's name."""
    if named := _named_keys(tables):
        doubts.append(f"{named[0]!r} is taken as the key: every table has it, each value once")
        return named[0]
    shared, unique = _shared(tables), _unique(tables)
    raise DataError(
        "no column looks like the key",
        expected="a column that every table has, named like an identifier, each value once",
        found=f"in every table: {', '.join(shared[:12]) or 'none'}; of these each value once: {', '.join(unique[:5]) or 'none'}",
        do="name it with --key COLUMN; if there is none, add a column that numbers the rows",
    )


def _named_keys(tables: dict[str, Table]) -> list[str]:
    return [c for c in _unique(tables) if IDENTIFIER.search(c) or c.lower().endswith(("key", "code", "number", "name"))]


def _unique(tables: dict[str, Table]) -> list[str]:
    return [c for c in _shared(tables) if all(_one_a_row(t, c) for t in tables.values())]


def _shared(tables: dict[str, Table]) -> list[str]:
    return [c for c in next(iter(tables.values())).columns if all(c in t.columns for t in tables.values())]


def _one_a_row(table: Table, column: str) -> bool:
    look = table.columns[column]
    return look.unique == look.rows and not look.closed


def _check_key(table: Table, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key not in table.columns:
            raise DataError(
                f"{table.path}: no key column {key!r}", expected="the key in every file", found=_nearest(key, table.columns),
                do="correct --key, or bring the file with its key",
            )  # fmt: skip


def _latest_by(table: Table, keys: tuple[str, ...], doubts: list[str]) -> str | None:
    """The date that decides between rows of one key, where keys repeat; DataError if they repeat and no date does."""
    known = table.frame.select(list(keys)).drop_nulls()
    repeated = known.group_by(list(keys)).len().filter(pl.col("len") > 1).sort(*keys).collect(engine="streaming")
    nulls = sum(table.columns[key].nulls for key in keys)
    if nulls:
        raise DataError(
            f"{table.path}: rows without a key", expected=f"a value of {', '.join(keys)} in every row",
            found=f"{nulls} rows without", do="mend the rows, or name other columns with --key",
        )  # fmt: skip
    if not repeated.height:
        return None
    dates = [look.name for look in table.columns.values() if is_date(look) and not look.nulls and not BIRTH.search(look.name)]
    if dates:
        doubts.append(f"{table.name}: {repeated.height} keys repeat; the row with the latest {dates[0]!r} counts")
        return dates[0]
    row = repeated.row(0)
    raise DataError(
        f"{table.path}: the key {', '.join(keys)} repeats", expected="one row a key",
        found=f"{repeated.height} keys more than once, the first {', '.join(str(v) for v in row[:-1])!r} ({row[-1]} rows)",
        do="name more columns with --key A,B (or leave --key out to have one guessed), or deliver one row a key",
    )  # fmt: skip


# ---------------------------------------------------------------- targets


def _find_targets(tables: dict[str, Table], targets: Sequence[str]) -> list[tuple[str, str]]:
    """(source, column) of each target, which may be written SOURCE.COLUMN."""
    if not targets:
        raise DataError("no target", expected="--targets A,B,C", found="none", do="name the columns to predict")
    return list(dict.fromkeys(_find_target(tables, target) for target in targets))


def _no_key_among(targets: list[tuple[str, str]], keys: tuple[str, ...]) -> None:
    asked = next((column for _, column in targets if column in keys), None)
    if asked is not None:
        raise DataError(
            f"target {asked!r}: it is the key", expected="columns beside the key", found=f"{asked!r} as key and as target",
            do="correct --targets or --key",
        )  # fmt: skip


def _find_target(tables: dict[str, Table], target: str) -> tuple[str, str]:
    for source, table in tables.items():
        if target in table.columns:
            return source, target
    source, _, column = target.partition(".")
    if source in tables and column in tables[source].columns:
        return source, column
    columns = list(dict.fromkeys(c for table in tables.values() for c in table.columns))
    raise DataError(
        f"target {target!r}: in none of the files", expected="a column of " + ", ".join(str(t.path) for t in tables.values()),
        found=_nearest(target, columns), do="correct --targets",
    )  # fmt: skip


def _nearest(name: str, columns: Iterable[str]) -> str:
    names = list(columns)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f"no such column; the nearest is {close[0]!r}" if close else f"the columns {', '.join(names[:12])}"


def _tasks(tables: dict[str, Table], found: list[tuple[str, str]], doubts: list[str]) -> list[GuessedTask]:
    tasks: list[GuessedTask] = []
    reasons = []
    for source, column in found:
        task = guess_task(tables[source].columns[column], plain_name(column, {t.name for t in tasks}), source)
        if isinstance(task, str):
            reasons.append(f"{source}.{column}: {task}")
            continue
        tasks.append(task)
        doubts += [f"{source}.{column}: {doubt}" for doubt in task.doubts]
    if not tasks:
        raise DataError("no task can be made of the targets", expected="numbers, classes, or yes and no", found="; ".join(reasons))
    doubts += [f"{reason}: not made a task" for reason in reasons]
    return tasks


# ---------------------------------------------------------------- inputs


def _sort_columns(guess: Guess, tables: dict[str, Table], targets: set[str]) -> None:
    """Every column that is neither key nor target is an input or left out."""
    of_split = {guess.split.column} if guess.split.way else set()
    for source, table in tables.items():
        guess.inputs[source], guess.left_out[source] = [], []
        for look in table.columns.values():
            if look.name in guess.keys or look.name in targets:
                continue
            one = LeftOut(look.name, "decides the split", doubtful=False) if look.name in of_split else guess_input(look)
            if isinstance(one, InputColumn):
                guess.inputs[source].append(one)
            else:
                guess.left_out[source].append(one)
                if one.doubtful:
                    guess.doubts.append(f"{source}.{one.name}: left out: {one.why}")


def _ask_about_neighbours(guess: Guess) -> None:
    """Where several tables came, what lies beside a target may be measured with it, and be unknown beforehand."""
    for source in dict.fromkeys(task.source for task in guess.tasks) if len(guess.inputs) > 1 else ():
        names = [c.name for c in guess.inputs[source]]
        if names:
            listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
            guess.doubts.append(
                f"{source}: its columns beside the targets are inputs ({listed}); are they known before the labels?"
            )


def _leave_out_giveaways(guess: Guess, tables: dict[str, Table]) -> None:
    worst: dict[tuple[str, str], tuple[float, str]] = {}
    for task in guess.tasks:
        for place, score in scores(task, tables, guess.inputs, guess.keys).items():
            worst[place] = max(worst.get(place, (0.0, "")), (score, task.name))
    for (source, column), (score, task_name) in worst.items():
        if score >= GIVES_AWAY:
            why = f"alone gives {task_name} away (score {score:.3f} of 1)"
            guess.inputs[source] = [c for c in guess.inputs[source] if c.name != column]
            guess.left_out[source].append(LeftOut(column, why))
            guess.doubts.append(f"{source}.{column}: left out: {why}; put it back with `leak: allow` if it is known beforehand")
        elif score >= STRONG:
            guess.doubts.append(
                f"{source}.{column}: alone predicts {task_name} very well (score {score:.3f} of 1); is it known before the label?"
            )


def _source(guess: Guess, source: str, table: Table, path: str, latest_by: str | None) -> GuessedSource:
    """The table as a source; how much its contract will set aside, and which numbers stand for a missing value."""
    looks = [table.columns[c.name] for c in guess.inputs[source] if c.kind == "numeric"]
    codes, doubts = missing_codes(table, looks)
    guess.doubts += doubts
    guess.inputs[source] = [_without_code(c, table.columns[c.name], codes) for c in guess.inputs[source]]
    for look in looks:
        if look.strangers or look.infinite:
            strange = ", ".join(repr(v) for v in look.strange) or "inf"
            guess.doubts.append(f"{source}.{look.name}: {look.strangers + look.infinite} rows are no number ({strange}): set aside")
    rows = sum(look.strangers + look.infinite for look in looks) / table.rows
    labels = max((t.set_aside for t in guess.tasks if t.source == source), default=0.0)
    texts = tuple(dict.fromkeys(code.text for code in codes.values()))
    return GuessedSource(table, path, latest_by, max(rows, labels), texts)


def _without_code(column: InputColumn, look: Look, codes: dict[str, Code]) -> InputColumn:
    """The column as it is without its number for `missing`."""
    if column.name not in codes:
        return column
    rest = replace(look, high=codes[column.name].greatest)
    return replace(column, why=f"{seen(rest)}; {codes[column.name].text} is read as missing", range=guess_range(rest))


def _reasons(guess: Guess) -> str:
    return "; ".join(f"{one.name}: {one.why}" for gone in guess.left_out.values() for one in gone)[:300] or "none"
