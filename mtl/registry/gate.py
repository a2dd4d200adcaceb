"""The gate: rules that a candidate must pass to become champion. Pure: figures in, rules out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl.evaluation.metrics.direction import LOSSES
from mtl.spec import Gate

VERDICTS = {"single_task": "verdict", "trees": "verdict_trees"}
"""Rival -> where reports/metrics.json says the verdict against it."""
NAMES = {"single_task": "its single-task network", "trees": "its plain rival", "champion": "the champion"}
COSTS = {"parameters": "parameters", "predict": "predict_us_per_row"}
"""The spec's name of a cost -> reports/cost.json's."""
MEASURED_AGAIN = "predict"
"""Costs in wall-clock: their figure differs from run to run, so it stays out of what DVC keeps."""
AGAINST_CHAMPION = "no worse than champion"
PUT_ASIDE = "not rolled back"
ON_SLICE = "floor of a slice"
WAY_OUT = "leave `champion` out of gate.no_worse_than for one run"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule, and whether the candidate keeps it; `detail` in plain words."""

    rule: str
    passed: bool
    detail: str
    task: str | None = None

    def as_json(self) -> dict[str, Any]:
        task = {"task": self.task} if self.task else {}
        return {"rule": self.rule, **task, "passed": self.passed, "detail": self.detail}


def judge(
    gate: Gate,
    metrics: Json,
    vs_champion: Mapping[str, Json] | None,
    cost: Json,
    of: Mapping[str, str],
    evaluation: Json | None = None,
) -> list[Rule]:
    """Every rule of the gate.

    metrics, cost and evaluation as in reports/*.json, the last of which is needed where slices have floors; vs_champion: task ->
    diff, low, high, verdict, None without a champion; of: task -> the spec's task it was made of (floors may name either).
    """
    tasks: Mapping[str, Json] = metrics.get("tasks") or {}
    rules = [] if tasks else [Rule("tasks", False, "reports/metrics.json has no task")]
    for rival in gate.no_worse_than:
        verdicts = _verdicts(rival, tasks, vs_champion)
        if verdicts is None:
            rules.append(Rule(_no_worse(rival), True, "there is no champion to compare with"))
            continue
        rules += [_no_task_worse(rival, task, said) for task, said in verdicts.items()]
        rules.append(_few_unknown(rival, verdicts, gate.max_cannot_tell))
    for name, floor in gate.floors.items():
        rules += _floor(name, floor, tasks, of)
    measured: Mapping[str, Json] = (evaluation or {}).get("tasks") or {}
    for name, floors in gate.slices.items():
        rules += _floors_of_slices(name, floors, measured, of)
    limits = {name: getattr(gate.max_cost, name) for name in COSTS}
    return rules + [_cost(name, limit, cost) for name, limit in limits.items() if limit is not None]


def came_back(version: int, put_aside: int, at: str, reasons: Sequence[str], *, is_there: bool = True) -> Rule:
    """The rule that a version broke whose model a person has put aside: version `put_aside`, at `at` (ISO 8601), for `reasons`.

    `is_there`: whether that version is still in the registry.
    """
    who = f"version {version}" if version == put_aside else f"version {version} is the model of version {put_aside}, which"
    why = f" ({'; '.join(reasons)})" if reasons else ""
    by_hand = f", or run `mtl rollback {put_aside}`" if is_there else ""
    lead = f"{who} was rolled back on {at[:10]}{why}"
    return Rule(PUT_ASIDE, False, f"{lead}; it does not come back by itself: train on something new{by_hand}")


def passes(rules: Sequence[Rule]) -> bool:
    return bool(rules) and all(rule.passed for rule in rules)


def _no_worse(rival: str) -> str:
    return f"no worse than {rival}"


def _verdicts(rival: str, tasks: Mapping[str, Json], vs_champion: Mapping[str, Json] | None) -> dict[str, Json] | None:
    if rival == "champion":
        return None if vs_champion is None else dict(vs_champion)
    key = VERDICTS[rival]
    return {name: _said(one, rival) if key in one else {} for name, one in tasks.items()}


def _said(one: Json, rival: str) -> Json:
    if rival != "single_task":
        return {"verdict": one[VERDICTS[rival]]}
    return {"verdict": one["verdict"], "diff": one.get("diff"), "low": one.get("diff_low"), "high": one.get("diff_high")}


def _no_task_worse(rival: str, task: str, said: Json) -> Rule:
    if "verdict" not in said:
        return Rule(_no_worse(rival), False, f"{task} was not measured against {NAMES[rival]}", task)
    verdict = said["verdict"] or "cannot tell"
    passed = verdict in ("better", "no worse", "cannot tell")
    why = f" ({said['reason']})" if said.get("reason") else _interval(said)
    lead = f"{task} is {verdict}" if verdict != "cannot tell" else f"{task}: cannot tell"
    return Rule(_no_worse(rival), passed, f"{lead} against {NAMES[rival]}{why}", task)


def _interval(said: Json) -> str:
    diff, low, high = (said.get(key) for key in ("diff", "low", "high"))
    if diff is None:
        return ""
    between = "" if low is None or high is None else f", between {low:+.4g} and {high:+.4g}"
    return f" (difference {diff:+.4g}{between})"


def _few_unknown(rival: str, verdicts: Mapping[str, Json], most: float) -> Rule:
    unknown = [task for task, said in verdicts.items() if (said.get("verdict") or "cannot tell") == "cannot tell"]
    if rival == "champion" and all(said.get("diff") is None for said in verdicts.values()):
        reason = next((said["reason"] for said in verdicts.values() if said.get("reason")), "no task in common")
        detail = f"not one task could be compared with the champion: {reason}. To replace it all the same, {WAY_OUT}"
        return Rule("contest with the champion", False, detail)
    if not verdicts:
        return Rule(f"cannot tell against {rival}", True, f"no task in common with {NAMES[rival]}")
    share = len(unknown) / len(verdicts)
    detail = f"cannot tell {len(unknown)} of {len(verdicts)} tasks from {NAMES[rival]}; at most {most:.0%} may be so"
    return Rule(f"cannot tell against {rival}", share <= most, detail)


def _floor(name: str, floor: float, tasks: Mapping[str, Json], of: Mapping[str, str]) -> list[Rule]:
    """Of the task, or of every task that was made of it by `for_each`."""
    meant = [task for task in tasks if name in (task, of.get(task))]
    if not meant:
        return [Rule("floor", False, f"{name} has a floor of {floor:g} and is not among the tasks that were measured", name)]
    return [_one_floor(task, floor, tasks[task]) for task in meant]


def _one_floor(task: str, floor: float, one: Json) -> Rule:
    """The worst value allowed: a least one, or a greatest one of a metric of which less is better."""
    passed, detail = _kept(str(one.get("metric", "metric")), one, floor)
    return Rule("floor", passed, f"{task}: {detail}", task)


def _kept(metric: str, one: Json, floor: float) -> tuple[bool, str]:
    """Whether `one` (value, or why there is none) keeps a floor, in words."""
    value = one.get("value")
    if value is None:
        reason = one.get("undefined") or one.get("reason") or "undefined on test"
        return False, f"{metric} has no value ({reason}), so it cannot keep its floor of {floor:g}"
    less_is_better = metric in LOSSES
    passed = value <= floor if less_is_better else value >= floor
    return bool(passed), f"{metric} {value:.4g}, {'at most' if less_is_better else 'at least'} {floor:g} asked"


def _floors_of_slices(name: str, floors: Mapping[str, float], tasks: Mapping[str, Json], of: Mapping[str, str]) -> list[Rule]:
    """Of the task, or of every task that was made of it, on parts of test."""
    meant = [task for task in tasks if name in (task, of.get(task))]
    if not meant:
        return [Rule(ON_SLICE, False, f"{name} has floors of slices and is not among the tasks of reports/evaluation.json", name)]
    return [rule for task in meant for said, floor in floors.items() for rule in _floor_of_slice(task, said, floor, tasks[task])]


def _floor_of_slice(task: str, said: str, floor: float, one: Json) -> list[Rule]:
    """Of the slice that `COLUMN=BAND` names, or of each that was measured of COLUMN."""
    cut: Sequence[Json] = one.get("slices") or ()
    meant = [part for part in cut if said == part["column"] or _plain(said) == _plain(f"{part['column']}={part['band']}")]
    if not meant:
        known = ", ".join(f"{part['column']}={part['band']}" for part in cut) or "none"
        why = f"it was not measured (those with enough labels are: {known})"
        return [Rule(ON_SLICE, False, f"{task}, {said}: {why}, so it cannot keep its floor of {floor:g}", task)]
    kept = [(part, *_kept(str(one.get("metric", "metric")), part, floor)) for part in meant]
    small = _too_small(task, one) if said == meant[0]["column"] else ""
    return [
        Rule(ON_SLICE, passed, f"{task}, {part['column']}={part['band']} ({part['n']} labels): {detail}{small}", task)
        for part, passed, detail in kept
    ]


def _too_small(task: str, one: Json) -> str:
    """Of how many slices nothing is known; reports/evaluation.json counts them over all columns of the task."""
    many = one.get("slices_left_out") or 0
    return f"; {many} {'slice' if many == 1 else 'slices'} of {task} too small, not asked" if many else ""


def _plain(text: str) -> str:
    """A slice's name as a keyboard has it: `age = 18–40` is `age=18-40`, `age=≥ 40` is `age=>=40`."""
    return "".join(text.replace("–", "-").replace("≥", ">=").split())


def _cost(name: str, limit: float, cost: Json) -> Rule:
    ratio = (cost.get(COSTS[name]) or {}).get("ratio")
    what = "parameters" if name == "parameters" else "prediction time"
    if ratio is None:
        return Rule(f"cost of {name}", False, f"{what} was not measured (reports/cost.json); run `dvc repro -f evaluate`")
    figure = "" if name == MEASURED_AGAIN else f" {ratio:.4g} times,"
    kept = "within" if ratio <= limit else "above"
    return Rule(f"cost of {name}", bool(ratio <= limit), f"{what}:{figure} {kept} {limit:g} times that of the single-task networks")
