"""Great Expectations on a validated source: derived statements and those the spec names, and their verdicts.

GX is imported in one function only: it takes three seconds. It has no engine for Polars, so that the columns it needs
go to pandas; of a table with more than SAMPLE rows evenly spaced ones, the same each time. For the statements made here on
numbers, mean and spread, as many as the profile has a glimpse of.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors as cs

from mtl.data.contract.check import Rules
from mtl.data.contract.columns import expected_columns
from mtl.data.contract.expected import Statement, expected
from mtl.data.contract.wording import asked, observed
from mtl.errors import ContractError, SpecError
from mtl.spec import Source

SAMPLE = 50_000
"""GX looks at each cell in Python: a mean of 200,000 takes it 0.1 s."""
ROW_COUNT = "expect_table_row_count"
ROWS, CELLS, NUMERIC = "rows", "cells", "numbers"
"""What a statement is about: the table's height, cells of any kind, the numbers of a column."""


def judge(
    source: Source,
    rules: Rules,
    folder: Path,
    seen: Mapping[str, Any],
    glimpse: Mapping[str, pl.Series],
    reference: Mapping[str, Any] | None,
) -> tuple[str, list[dict[str, Any]]]:
    """What the batch is compared with (`profile` or `spec`), and a verdict on each expectation.

    `folder`: its validated rows; `seen` and `glimpse`: its profile and what that saw of its numbers; `reference`: the
    champion's profile of this source, if any.
    Raises SpecError for an expectation of the spec that Great Expectations does not know or cannot evaluate.
    """
    own = [
        Statement(e.type, e.arguments, e.severity, f"sources.{rules.source}.expectations.{i}")
        for i, e in enumerate(source.expectations)
    ]
    statements = [*expected(rules.uses, seen, reference, SAMPLE), *own]
    rows, about = int(seen["rows"]), [_about(statement, seen) for statement in statements]
    of_cells = [s for s, a in zip(statements, about) if a == CELLS]
    frames = {
        CELLS: sample(folder, _columns(of_cells, rules), rows) if of_cells else pl.DataFrame(),
        NUMERIC: pl.DataFrame({s.column: glimpse[s.column] for s, a in zip(statements, about) if a == NUMERIC and s.column}),
    }
    results = _evaluate(statements, about, frames, rows)
    notes = {g: f" (of {f.height:,} rows, evenly spaced among {rows:,})" if f.height < rows else "" for g, f in frames.items()}
    verdicts = [_verdict(s, r, notes.get(a, "")) for s, r, a in zip(statements, results, about)]
    return ("profile" if reference else "spec"), verdicts


def _about(statement: Statement, seen: Mapping[str, Any]) -> str:
    if statement.type.startswith(ROW_COUNT):
        return ROWS
    column = seen["columns"].get(statement.column, {})
    return NUMERIC if not statement.where and column.get("kind") == "numeric" else CELLS


def sample(folder: Path, columns: Sequence[str], rows: int) -> pl.DataFrame:
    """Those columns of every row, or of SAMPLE at most, evenly spaced; a part in memory at a time. Of bytes, that there are any."""
    step, there = max(1, -(-rows // SAMPLE)), pl.when(cs.binary().is_not_null()).then(True)
    parts, passed = [], 0
    for file in sorted(folder.glob("*.parquet")):
        part = pl.read_parquet(file, columns=list(columns)).with_columns(there.name.keep())
        parts.append(part.gather_every(step, offset=-passed % step))
        passed += part.height
    return pl.concat(parts)


def stop_if_failed(name: str, verdicts: Sequence[Mapping[str, Any]], report: Path) -> None:
    """Raise ContractError for the first failed expectation of severity `stop`."""
    failed = [v for v in verdicts if v["severity"] == "stop" and not v["success"]]
    for verdict in failed[:1]:
        more = f"; {len(failed) - 1} more failed" if len(failed) > 1 else ""
        column = f", column {verdict['column']!r}" if verdict["column"] else ""
        raise ContractError(
            f"source {name!r}{column}: {verdict['type']} (severity: stop) failed",
            expected=verdict["expected"],
            found=verdict["observed"] + more,
            do=f"look at {report}; then mend the table, correct the expectation in params.yaml, or let it `warn`",
        )


def _columns(statements: Sequence[Statement], rules: Rules) -> list[str]:
    """The columns the statements need; all, where one is about the columns themselves."""
    wanted = {c for s in statements for c in expected_columns(dict(s.arguments))}
    whole = any(not expected_columns(dict(s.arguments)) and not s.type.startswith(ROW_COUNT) for s in statements)
    return [c for c in rules.schema.names() if whole or c in wanted] or rules.schema.names()[:1]


def _verdict(statement: Statement, result: Mapping[str, Any], note: str) -> dict[str, Any]:
    return {
        "type": statement.type,
        "column": statement.column,
        "severity": statement.severity,
        "success": bool(result["success"]),
        "expected": asked(statement.type, statement.arguments),
        "observed": observed(statement.type, statement.arguments, result["result"]) + note,
    }


def _evaluate(
    statements: Sequence[Statement], about: Sequence[str], frames: Mapping[str, pl.DataFrame], rows: int
) -> list[dict[str, Any]]:
    """success and result of each statement, in their order; statements on the number of rows see all of them."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        import pandas as pd

        logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # the import itself sets another level
        built = [_built(statement, number) for number, statement in enumerate(statements)]
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame").add_batch_definition_whole_dataframe("all")
        results: dict[int, Any] = {}
        for name in dict.fromkeys(about):
            data = pd.DataFrame(index=range(rows)) if name == ROWS else frames[name].to_pandas()
            suite = gx.ExpectationSuite(name=name, expectations=[e for e, a in zip(built, about) if a == name])
            for one in asset.get_batch({"dataframe": data}).validate(suite, result_format="SUMMARY").results:
                results[one.expectation_config.meta["number"]] = one
    return [_result(statement, results[number]) for number, statement in enumerate(statements)]


def _built(statement: Statement, number: int) -> Any:
    """The statement as an object of Great Expectations; SpecError if it knows no such."""
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations import registry

    try:
        kind = registry.get_expectation_impl(statement.type)
    except ExpectationNotFoundError:
        close = get_close_matches(statement.type, registry.list_registered_expectation_implementations(), n=1, cutoff=0.0)
        raise SpecError(
            f"params.yaml, {statement.where}.type",
            expected="the name of an expectation that Great Expectations has",
            found=statement.type,
            do=f"write {close[0]!r}" if close else "look at its documentation",
        ) from None
    try:
        return kind(**{**statement.arguments, "meta": {"number": number}})
    except (ValueError, TypeError) as error:
        raise _wrong_argument(statement, kind, error) from None


def _wrong_argument(statement: Statement, kind: Any, error: Exception) -> SpecError:
    """What is wrong with an expectation's arguments, and the nearest argument there is."""
    problems: list[Any] = error.errors() if hasattr(error, "errors") else []
    where = ".".join(str(part) for part in problems[0]["loc"]) if problems else ""
    found = problems[0]["msg"] if problems else str(error).splitlines()[0]
    hidden = (
        "id",
        "meta",
        "notes",
        "result_format",
        "description",
        "rendered_content",
        "windows",
        "batch_id",
        "catch_exceptions",
        "severity",
    )
    known = [name for name in getattr(kind, "__fields__", {}) if name not in hidden]
    close = get_close_matches(where, [k for k in known if k != where], n=1, cutoff=0.6) if where not in known else []
    return SpecError(
        f"params.yaml, {statement.where}{'.' + where if where and where != '__root__' else ''}: {statement.type}",
        expected="its arguments: " + ", ".join(known),
        found=f"{found}" + (f" ({statement.arguments[where]!r})" if where in statement.arguments else ""),
        do=f"write {close[0]!r}" if close else "correct the argument",
    )


def _result(statement: Statement, one: Any) -> dict[str, Any]:
    """success and result; SpecError if it could not be evaluated."""
    problem = _exception(one.exception_info or {})
    if problem:
        raise SpecError(
            f"params.yaml, {statement.where or 'a derived expectation'}: {statement.type} of {statement.column!r}",
            expected="an expectation that these cells can be asked",
            found=problem,
            do="correct its arguments, or name another expectation",
        )
    return {"success": one.success, "result": dict(one.result or {})}


def _exception(info: Mapping[str, Any]) -> str:
    """The message of what was raised inside Great Expectations (one entry, or one a metric), or nothing."""
    entries = [info] if "raised_exception" in info else [e for e in info.values() if isinstance(e, Mapping)]
    raised = [str(e.get("exception_message") or "no reason given") for e in entries if e.get("raised_exception")]
    return (raised[0].splitlines() or ["no reason given"])[0] if raised else ""
