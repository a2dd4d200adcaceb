"""What an expectation asks and what was observed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OF = {
    "expect_table_row_count": "rows",
    "expect_column_mean": "mean",
    "expect_column_median": "median",
    "expect_column_stdev": "standard deviation",
    "expect_column_min": "smallest",
    "expect_column_max": "largest",
    "expect_column_sum": "sum",
    "expect_column_unique_value_count": "different values",
    "expect_column_proportion_of_unique_values": "share of different values",
    "expect_column_values": "every value",
    "expect_column_value_lengths": "every length",
}
FILLED = "expect_column_proportion_of_non_null_values_to_be_between"
PLAIN = ("column", "mostly", "meta", "batch_id")
SHOWN = 6


def asked(kind: str, arguments: Mapping[str, Any]) -> str:
    """An expectation in words, by Great Expectations' name of it and its arguments."""
    mostly = f" in {arguments['mostly']:.0%} of cells" if isinstance(arguments.get("mostly"), float | int) else ""
    if kind == FILLED:
        return "nulls: " + between(_complement(arguments), percent=True)
    if kind.endswith("_to_be_between") and ("min_value" in arguments or "max_value" in arguments):
        return f"{OF.get(kind.removesuffix('_to_be_between'), kind)}: {between(arguments)}{mostly}"
    if kind.endswith("_values_to_be_in_set"):
        return f"only {listed(arguments.get('value_set'))}{mostly}"
    if kind.endswith("_to_contain_set"):
        return f"each of {listed(arguments.get('value_set'))} at least once"
    if kind == "expect_column_kl_divergence_to_be_less_than" and "values" in (arguments.get("partition_object") or {}):
        return f"{shares(arguments['partition_object'])}; divergence at most {number(arguments['threshold'])}"
    rest = ", ".join(f"{key} {_value(value)}" for key, value in arguments.items() if key not in PLAIN)
    return f"{rest}{mostly}" or "holds"


def observed(kind: str, arguments: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """What Great Expectations found, by its result's content."""
    value = result.get("observed_value")
    if kind == FILLED and value is not None:
        return f"nulls: {_percent(1 - float(value))}"
    if "observed_partition" in (result.get("details") or {}):
        divergence = "without bound" if value is None else number(round(max(0.0, float(value)), 6))  # 1e-17 is chance
        partition = result["details"]["observed_partition"]
        return (f"{shares(partition)}; " if "values" in partition else "") + f"divergence {divergence}"
    if result.get("partial_missing_list"):
        return f"never seen: {listed(result['partial_missing_list'])}"
    if "unexpected_count" in result and value is None:
        return _unexpected(result)
    if value is None:
        return "as expected" if not result.get("missing_count") else f"{result['missing_count']} missing"
    return _value(value)


def between(arguments: Mapping[str, Any], *, percent: bool = False) -> str:
    """`20 … 200`, `at least 1`, `above 0`."""
    say = _percent if percent else number
    low, high = arguments.get("min_value"), arguments.get("max_value")
    above, below = bool(arguments.get("strict_min")), bool(arguments.get("strict_max"))
    if low is not None and high is not None and above == below:
        return f"{say(low)} … {say(high)}" + (", both excluded" if above else "")
    parts = [f"{'above' if above else 'at least'} {say(low)}"] if low is not None else []
    parts += [f"{'below' if below else 'at most'} {say(high)}"] if high is not None else []
    return ", ".join(parts)


def shares(partition: Mapping[str, Any]) -> str:
    """`yes 10.1%, no 89.9%`, the largest first."""
    pairs = sorted(zip(partition["values"], partition["weights"]), key=lambda p: (-float(p[1]), str(p[0])))
    more = ", …" if len(pairs) > SHOWN else ""
    return ", ".join(f"{value} {_percent(weight)}" for value, weight in pairs[:SHOWN]) + more


def listed(values: Any) -> str:
    """The first ten of them."""
    if not isinstance(values, Sequence) or isinstance(values, str):
        return str(values)
    return ", ".join(_value(v) for v in values[:10]) + (f", … ({len(values)} in all)" if len(values) > 10 else "")


def number(value: Any) -> str:
    """Five digits of a number; anything else as text."""
    try:
        figure = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{figure:,.0f}" if figure.is_integer() and abs(figure) < 1e15 else f"{figure:.5g}"


def _percent(share: Any) -> str:
    return f"{100 * float(share):.3g}%"


def _complement(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds of a share turned into those of the rest."""
    pairs = {"min_value": "max_value", "max_value": "min_value"}
    turned: dict[str, Any] = {pairs[k]: 1 - float(v) for k, v in arguments.items() if k in pairs and v is not None}
    strict = {"strict_min": "strict_max", "strict_max": "strict_min"}
    return turned | {strict[k]: v for k, v in arguments.items() if k in strict}


def _unexpected(result: Mapping[str, Any]) -> str:
    count, of = int(result["unexpected_count"]), result.get("element_count")
    if not count:
        return "as expected"
    whole = f" of {of:,}" if isinstance(of, int) else ""
    seen = list(dict.fromkeys(_value(v) for v in result.get("partial_unexpected_list") or []))
    return f"{count:,}{whole} otherwise" + (f": {', '.join(seen[:5])}" if seen else "")


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{k} {_value(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return listed(value)
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    return number(value) if not isinstance(value, str) else value
