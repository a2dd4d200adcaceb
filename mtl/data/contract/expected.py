"""The expectations a source has without being told: from the champion's profile, or else from the spec.

Against a profile, a figure may differ by what chance allows between two samples of these sizes, at Z standard
errors (so that of a hundred expectations on unchanged data about one run in 150 sees one fail), plus a slack below
which a difference does not matter in practice:

    share p of nulls    Z √(p (1 − p) (1/n₀ + 1/n)) + 0.02
    mean                Z s √(1/n₀ + 1/n) + 0.1 s             s: the profile's standard deviation
    deviation s         Z s √((κ − 1)/4 · (1/n₀ + 1/n)) + 0.1 s    κ: its kurtosis (delta method)
    shares of c values  KL ≤ χ²(c − 1) / (2 m) + 0.02,  m = n₀ n / (n₀ + n)     (2 m KL is nearly χ²: the G-test)
    rows                half to double

n₀ and n count the cells that are there, in the profile and now. All of these only warn: a batch may differ for good
reasons. To make one stop the pipeline, name it in the spec with `severity: stop`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from mtl.data.contract.profile import NUMBERS
from mtl.data.contract.use import Bounds, Use

Z = 4.0
NULL_SLACK, MEAN_SLACK, STD_SLACK, KL_SLACK = 0.02, 0.1, 0.1, 0.02
KURTOSIS = 9.0
"""Taken for a profile that does not tell its own: that of a long-tailed column."""


@dataclass(frozen=True)
class Statement:
    """A Great Expectations statement by its own name; `where` is the key of params.yaml, if a person wrote it."""

    type: str
    arguments: Mapping[str, Any]
    severity: Literal["stop", "warn"] = "warn"
    where: str = ""

    @property
    def column(self) -> str | None:
        found = self.arguments.get("column")
        return found if isinstance(found, str) else None


def expected(
    uses: Mapping[str, Use], seen: Mapping[str, Any], reference: Mapping[str, Any] | None, sample: int
) -> Iterator[Statement]:
    """The statements about a batch whose profile is `seen`; of its columns not more than `sample` rows are looked at, of
    numeric ones not more than NUMBERS."""
    rows = int(reference["rows"]) if reference else 0
    known: Mapping[str, Any] = reference["columns"] if reference else {}
    size = {"min_value": rows // 2, "max_value": rows * 2} if rows else {"min_value": 1}
    yield Statement("expect_table_row_count_to_be_between", size)
    for column, now in seen["columns"].items() if seen["rows"] else ():
        before = known.get(column)
        if rows and before and before["kind"] == now["kind"] and before["nulls"] < 1:
            most = min(sample, NUMBERS) if now["kind"] == "numeric" else sample
            yield from _against_profile(column, uses[column], before, rows, now, min(int(seen["rows"]), most))
        else:
            yield from _against_spec(column, uses[column], now, int(seen["rows"]))


def _against_profile(
    column: str, use: Use, before: Mapping[str, Any], rows: int, now: Mapping[str, Any], sample: int
) -> Iterator[Statement]:
    yield _filled_as_before(column, 1 - before["nulls"], rows, sample)
    n0, n = rows * (1 - before["nulls"]), sample * (1 - now["nulls"])
    if n < 1:
        return
    error = sqrt(1 / n0 + 1 / n)
    if before["kind"] == "numeric":
        yield from _moments_as_before(column, before, error, n)
    elif use.kind != "boolean" and "values" in before and before.get("distinct", 0) == len(before["values"]):
        yield Statement("expect_column_distinct_values_to_be_in_set", {"column": column, "value_set": list(before["values"])})
        yield _shares_as_before(column, before["values"], n0, n)


def _filled_as_before(column: str, share: float, rows: int, sample: int) -> Statement:
    smooth = (share * rows + 1) / (rows + 2)  # a share of 1 seen in a sample is not quite 1
    slack = Z * sqrt(smooth * (1 - smooth) * (1 / rows + 1 / sample)) + NULL_SLACK
    low, high = max(0.0, share - slack), min(1.0, share + slack)
    return Statement(
        "expect_column_proportion_of_non_null_values_to_be_between", {"column": column, "min_value": low, "max_value": high}
    )


def _moments_as_before(column: str, before: Mapping[str, Any], error: float, n: float) -> Iterator[Statement]:
    mean, std = float(before["mean"]), float(before["std"] or 0.0)
    slack = std * (Z * error + MEAN_SLACK) + 1e-6 * abs(mean)
    yield Statement("expect_column_mean_to_be_between", {"column": column, "min_value": mean - slack, "max_value": mean + slack})
    if n < 2:
        return
    kurtosis = max(float(before.get("kurtosis") or KURTOSIS), 1.0)
    slack = std * (Z * sqrt((kurtosis - 1) / 4) * error + STD_SLACK)
    yield Statement(
        "expect_column_stdev_to_be_between", {"column": column, "min_value": max(0.0, std - slack), "max_value": std + slack}
    )


def _shares_as_before(column: str, values: Mapping[str, float], n0: float, n: float) -> Statement:
    """A value never seen before counts as seen once, so that one stray cell does not make the divergence infinite."""
    degrees = max(1, len(values) - 1)
    total = sum(values.values())
    partition = {"values": list(values), "weights": [share / total for share in values.values()]}
    threshold = chi2_quantile(degrees, Z) * (1 / n0 + 1 / n) / 2 + KL_SLACK
    return Statement(
        "expect_column_kl_divergence_to_be_less_than",
        {"column": column, "partition_object": partition, "threshold": threshold, "tail_weight_holdout": 1 / (n0 + 1)},
    )


def chi2_quantile(degrees: int, z: float) -> float:
    """The value a χ² variable exceeds as seldom as a normal one exceeds `z` (Wilson and Hilferty 1931)."""
    spread = 2 / (9 * degrees)
    return degrees * (1 - spread + z * sqrt(spread)) ** 3


def _against_spec(column: str, use: Use, now: Mapping[str, Any], rows: int) -> Iterator[Statement]:
    yield Statement(
        "expect_column_proportion_of_non_null_values_to_be_between", {"column": column, "min_value": 0.0, "strict_min": True}
    )
    if now["nulls"] >= 1 or now["kind"] == "read":
        return
    if now["kind"] == "numeric":
        yield from _moments_as_said(column, use.bounds, rows * (1 - now["nulls"]))
        return
    for values in use.allowed:
        yield Statement("expect_column_distinct_values_to_be_in_set", {"column": column, "value_set": list(values)})
    if use.kind == "label" and use.spellings:
        yield Statement("expect_column_distinct_values_to_contain_set", {"column": column, "value_set": list(use.spellings)})


def _moments_as_said(column: str, bounds: tuple[Bounds, ...], n: float) -> Iterator[Statement]:
    lows, highs = [b[0] for b in bounds if b[0] is not None], [b[1] for b in bounds if b[1] is not None]
    limits: dict[str, Any] = {"min_value": max(lows)} if lows else {}
    limits |= {"max_value": min(highs)} if highs else {}
    if limits:  # that every cell keeps them, Pandera has seen to
        inside = {f"strict_{end[:3]}": True for end in limits}  # on the bound all cells would be the same
        yield Statement("expect_column_mean_to_be_between", {"column": column, **limits, **inside})
    if n >= 2:
        spread: dict[str, Any] = {"min_value": 0.0, "strict_min": True}
        if len(limits) == 2:  # Popoviciu's inequality, for a sample; a little over, against rounding
            spread["max_value"] = 1.001 * (limits["max_value"] - limits["min_value"]) / 2 * sqrt(n / (n - 1))
        yield Statement("expect_column_stdev_to_be_between", {"column": column, **spread})
