"""The gate as properties: a rule that fails always rejects, nothing undefined passes silently, words are plain."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.evaluation.slices import slices_of
from mtl.registry.gate import WAY_OUT, Rule, judge, passes
from mtl.spec import Gate

VERDICTS = st.sampled_from(["better", "no worse", "worse", "cannot tell", None])
RIVALS = ("single_task", "champion", "trees")


def task(verdict: Any = "better", trees: Any = "better", value: Any = 0.8, metric: str = "auc") -> dict[str, Any]:
    return {
        "metric": metric,
        "value": value,
        "verdict": verdict,
        "verdict_trees": trees,
        "diff": 0.01,
        "diff_low": 0.0,
        "diff_high": 0.02,
    }


def said(verdict: Any) -> dict[str, Any]:
    return {"diff": 0.01, "low": 0.0, "high": 0.02, "verdict": verdict}


def decided(gate: Gate, tasks: dict[str, Any], champion: Any = None, cost: Any = None, of: Any = None) -> list[Rule]:
    return judge(gate, {"tasks": tasks}, champion, cost or {}, of or {})


figures = st.dictionaries(st.sampled_from("abcdef"), st.tuples(VERDICTS, VERDICTS, VERDICTS), min_size=1)
gates = st.builds(Gate, no_worse_than=st.lists(st.sampled_from(RIVALS), unique=True).map(tuple), max_cannot_tell=st.floats(0, 1))


@given(figures, gates)
def test_passes_exactly_when_no_task_is_worse_and_few_are_unknown(verdicts, gate):
    tasks = {name: task(single, trees) for name, (single, trees, _) in verdicts.items()}
    champion = {name: said(verdict) for name, (_, _, verdict) in verdicts.items()}
    by_rival = {"single_task": 0, "trees": 1, "champion": 2}
    asked = [[v[by_rival[rival]] for v in verdicts.values()] for rival in gate.no_worse_than]
    worse = any("worse" in column for column in asked)
    unknown = any(sum(v in (None, "cannot tell") for v in column) / len(column) > gate.max_cannot_tell for column in asked)
    rules = decided(gate, tasks, champion)
    assert (not any(not rule.passed for rule in rules)) == (not worse and not unknown)


@given(figures, gates, st.sampled_from(RIVALS))
def test_asking_more_never_promotes(verdicts, gate, rival):
    tasks = {name: task(single, trees) for name, (single, trees, _) in verdicts.items()}
    champion = {name: said(verdict) for name, (_, _, verdict) in verdicts.items()}
    more = gate.model_copy(update={"no_worse_than": tuple(dict.fromkeys((*gate.no_worse_than, rival))), "floors": {"a": 0.9}})
    if not passes(decided(gate, tasks, champion)) and gate.no_worse_than:
        assert not passes(decided(more, tasks, champion))


@given(st.lists(st.booleans()), st.integers(0, 10))
def test_a_failing_rule_never_promotes(others, place):
    rules = [Rule("x", passed, "") for passed in others]
    rules.insert(place, Rule("golden rows", False, ""))
    assert not passes(rules)


def test_no_rule_at_all_does_not_promote():
    assert not passes([])
    assert not passes(decided(Gate(no_worse_than=()), {}))


@pytest.mark.parametrize(
    ("metric", "value", "floor", "passed"),
    [
        ("auc", 0.8, 0.7, True),
        ("auc", 0.6, 0.7, False),
        ("auc", None, 0.0, False),
        ("mae", 3.0, 4.0, True),
        ("mae", 5.0, 4.0, False),
    ],
)
def test_a_floor_is_the_worst_value_allowed(metric, value, floor, passed):
    gate = Gate(no_worse_than=(), floors={"a": floor})
    (rule,) = decided(gate, {"a": task(value=value, metric=metric)})
    assert rule.passed is passed
    assert rule.task == "a"


def test_an_undefined_metric_says_why_it_fails_its_floor():
    gate = Gate(no_worse_than=(), floors={"a": 0.1})
    (rule,) = decided(gate, {"a": task(value=None) | {"undefined": "one class only in test"}})
    assert rule.detail == "a: auc has no value (one class only in test), so it cannot keep its floor of 0.1"


def test_a_floor_of_a_task_that_is_not_there_fails():
    (rule,) = decided(Gate(no_worse_than=(), floors={"gone": 0.1}), {"a": task()})
    assert not rule.passed
    assert "gone has a floor of 0.1 and is not among the tasks" in rule.detail


def test_a_floor_of_a_spec_task_holds_for_each_task_made_of_it():
    gate = Gate(no_worse_than=(), floors={"grade": 0.7})
    rules = decided(gate, {"grade_1": task(value=0.8), "grade_2": task(value=0.6)}, of={"grade_1": "grade", "grade_2": "grade"})
    assert [(rule.task, rule.passed) for rule in rules] == [("grade_1", True), ("grade_2", False)]


def test_a_rival_that_was_not_measured_fails():
    one = task()
    del one["verdict_trees"]
    rules = decided(Gate(no_worse_than=("trees",)), {"a": one})
    assert [rule.passed for rule in rules] == [False, True]
    assert rules[0].detail == "a was not measured against its plain rival"


@pytest.mark.parametrize(("ratio", "passed"), [(0.5, True), (1.5, True), (1.6, False), (None, False)])
def test_cost_stays_below_its_limit_and_is_measured(ratio, passed):
    gate = Gate(no_worse_than=(), max_cost={"parameters": 1.5, "predict": 1.5})
    cost = {} if ratio is None else {"parameters": {"ratio": ratio}, "predict_us_per_row": {"ratio": ratio}}
    rules = decided(gate, {"a": task()}, cost=cost)
    assert [rule.passed for rule in rules] == [passed, passed]


def test_what_was_measured_by_the_clock_stays_out_of_the_words():
    gate = Gate(no_worse_than=(), max_cost={"predict": 2})
    slow, slower = (decided(gate, {"a": task()}, cost={"predict_us_per_row": {"ratio": ratio}}) for ratio in (3.1, 3.2))
    assert slow == slower


def test_reasons_are_plain_words():
    rules = decided(Gate(), {"asthma": task("worse")}, {"asthma": said("cannot tell") | {"diff": None, "reason": "12 labels"}})
    assert [rule.detail for rule in rules] == [
        "asthma is worse against its single-task network (difference +0.01, between +0 and +0.02)",
        "cannot tell 0 of 1 tasks from its single-task network; at most 100% may be so",
        "asthma: cannot tell against the champion (12 labels)",
        f"not one task could be compared with the champion: 12 labels. To replace it all the same, {WAY_OUT}",
    ]
    assert decided(Gate(no_worse_than=("champion",)), {"a": task()})[0].detail == "there is no champion to compare with"


def test_a_champion_that_no_task_could_be_compared_with_is_not_replaced():
    unknown = {"diff": None, "low": None, "high": None, "verdict": "cannot tell", "reason": "too few fresh rows"}
    for champion in ({}, {"a": unknown, "b": unknown}):
        rules = decided(Gate(), {"a": task(), "b": task()}, champion)
        (rule,) = [rule for rule in rules if not rule.passed]
        assert rule.rule == "contest with the champion"
        assert "gate.no_worse_than" in rule.detail
    assert passes(decided(Gate(), {"a": task(), "b": task()}, {"a": unknown, "b": said("no worse")}))
    assert passes(decided(Gate(no_worse_than=("single_task",)), {"a": task()}, {"a": unknown}))


def sliced(*parts: tuple[str, str, float | None], metric: str = "auc") -> dict[str, Any]:
    """reports/evaluation.json of the task a, cut into (column, band, value)."""
    cut = [{"column": column, "band": band, "n": 99, "value": value} for column, band, value in parts]
    return {"tasks": {"a": {"metric": metric, "slices": cut}}}


AGES = ("age", "< 18", 0.7), ("age", "18–40", 0.8), ("age", "≥ 40", 0.9), ("sex", "Female", 0.6)


def on_slices(floors: dict[str, float], evaluation: Any, name: str = "a", of: Any = None) -> list[Rule]:
    return judge(Gate(no_worse_than=(), slices={name: floors}), {"tasks": {"a": task()}}, None, {}, of or {}, evaluation)


@pytest.mark.parametrize(
    ("said", "floor", "passed"),
    [
        ("age=< 18", 0.7, [True]), ("age=<18", 0.71, [False]), ("age=18–40", 0.8, [True]), ("age=18-40", 0.81, [False]),
        ("age=>=40", 0.9, [True]), ("sex=Female", 0.5, [True]), ("age", 0.75, [False, True, True]),
    ],
)  # fmt: skip
def test_a_floor_of_a_slice_holds_there_and_nowhere_else(said, floor, passed):
    assert [rule.passed for rule in on_slices({said: floor}, sliced(*AGES))] == passed


def test_a_refused_slice_says_which_and_by_how_much():
    (rule,) = on_slices({"age=18-40": 0.85}, sliced(*AGES))
    assert (rule.rule, rule.task) == ("floor of a slice", "a")
    assert rule.detail == "a, age=18–40 (99 labels): auc 0.8, at least 0.85 asked"
    (rule,) = on_slices({"sex": 0.3}, sliced(("sex", "Male", 0.4), metric="log_loss"))
    assert rule.detail == "a, sex=Male (99 labels): log_loss 0.4, at most 0.3 asked"


def test_slices_that_were_too_small_for_a_columns_floor_are_said():
    evaluation = sliced(("age", "< 18", 0.7))
    evaluation["tasks"]["a"]["slices_left_out"] = 2
    (rule,) = on_slices({"age": 0.6}, evaluation)
    assert rule.passed
    assert rule.detail == "a, age=< 18 (99 labels): auc 0.7, at least 0.6 asked; 2 slices of a too small, not asked"
    (named,) = on_slices({"age=<18": 0.6}, evaluation)
    assert named.detail.endswith("at least 0.6 asked")
    evaluation["tasks"]["a"]["slices_left_out"] = 1
    assert on_slices({"age": 0.6}, evaluation)[0].detail.endswith("; 1 slice of a too small, not asked")


@pytest.mark.parametrize(
    ("floors", "evaluation", "detail"),
    [
        ({"sex=Male": 0.5}, sliced(*AGES[1:]), "sex=Male: it was not measured (those with enough labels are: age=18–40,"),
        ({"sex": 0.5}, sliced(), "it was not measured (those with enough labels are: none), so it cannot keep its floor of 0.5"),
        ({"sex": 0.5}, sliced(("sex", "Male", None)), "a, sex=Male (99 labels): auc has no value (undefined on test)"),
        ({"sex": 0.5}, None, "a has floors of slices and is not among the tasks of reports/evaluation.json"),
    ],
)  # fmt: skip
def test_what_was_not_measured_on_a_slice_fails_its_floor(floors, evaluation, detail):
    (rule,) = on_slices(floors, evaluation)
    assert not rule.passed
    assert detail in rule.detail


def test_floors_of_slices_of_a_spec_task_hold_for_each_task_made_of_it():
    assert [rule.task for rule in on_slices({"sex": 0.5}, sliced(*AGES), "grade", {"a": "grade"})] == ["a"]


@given(st.lists(st.floats(-99, 99).map(lambda x: round(x, 1)), min_size=1, max_size=4, unique=True).map(sorted))
def test_each_band_that_evaluation_cuts_is_met_by_its_own_name(edges):
    values = [edges[0] - 1, *edges, None]
    bands = [one.band for one in slices_of(pl.DataFrame({"x": values}), {"x": edges})]
    evaluation = sliced(*(("x", band, float(at)) for at, band in enumerate(bands)))
    for at, band in enumerate(bands):
        (rule,) = on_slices({f"x={band}".replace("–", "-").replace("≥ ", ">="): float(at)}, evaluation)
        assert rule.passed
        assert f"auc {at}, at least {at} asked" in rule.detail
