"""When so much is in quarantine that the source itself must be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtl.data.contract.report import Tally
from mtl.errors import ContractError


def stop_past_limit(tally: Tally, limit: float, quarantine: Path) -> None:
    """Raise ContractError if the share of rows, or of one column's cells, in quarantine is above `limit`."""
    for problem in past_limit(tally, limit):
        raise ContractError(
            f"source {tally.rules.source!r}, {problem['of']}: {problem['share']:.1%} in quarantine",
            expected=f"at most {limit:.1%} (sources.{tally.rules.source}.max_quarantined)",
            found=f"{problem['bad']} of {problem['all']}, such as {_examples(problem['reasons'])}",
            do=f"look at {quarantine}; then mend the table, correct the column's contract in params.yaml, or raise max_quarantined",
        )


def past_limit(tally: Tally, limit: float) -> Iterator[dict[str, Any]]:
    """What is past the limit: rows first, then columns."""
    reasons = tally.reasons()
    rows = [r for r in reasons if r["what"] == "row"]
    bad = tally.rows_in - tally.rows_kept - tally.superseded
    columns = ", ".join(dict.fromkeys(repr(r["column"]) for r in rows[:3]))
    if tally.rows_in and (bad / tally.rows_in > limit or not tally.rows_kept):  # without a row nothing can go on
        of = f"rows (column{'s' if ',' in columns else ''} {columns})"
        yield {"of": of, "bad": bad, "all": f"{tally.rows_in} rows", "share": bad / tally.rows_in, "reasons": rows}
    for column in dict.fromkeys(r["column"] for r in reasons if r["what"] == "cell"):
        own = [r for r in reasons if r["what"] == "cell" and r["column"] == column]
        bad = sum(r["count"] for r in own)
        there = bad + tally.filled.get(column, 0)
        if bad / there > limit:
            yield {"of": f"column {column!r}", "bad": bad, "all": f"{there} cells", "share": bad / there, "reasons": own}


def _examples(reasons: list[dict[str, Any]]) -> str:
    """Three cells: `row 7 (key 93711): expected 20 … 200, found 0`."""
    cells = [(r["reason"], e) for i in range(3) for r in reasons for e in r["examples"][i : i + 1]]
    return "; ".join(f"row {e['row']} (key {e['key']}): {reason}, found {found(e['value'])}" for reason, e in cells[:3])


def found(value: str | None) -> str:
    return "nothing" if value is None else value
