"""`compare`: paired, signed so that up is better, defined for every task or with a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtl.errors import DataError
from mtl.evaluation.comparison import Comparison, as_json, compare
from mtl.spec import METRICS

Array = np.ndarray[Any, Any]
ROWS = 300
OF_ARRAYS = [kind for kind in METRICS if kind != "tagging"]
"""Kinds whose truth is an array; `test_tagging.py` has the other."""
EVERY = [(kind, metric) for kind in OF_ARRAYS for metric in METRICS[kind]]


def compared(tasks: Any, truth: Any, ours: Any, rival: Any, labelled: Any = None, **more: Any) -> Comparison:
    masks = labelled or {t.name: np.ones(len(truth[t.name]), np.bool_) for t in tasks}
    settings = {"tolerance": 0.02, "confidence": 0.95, "resamples": 400, "seed": 1, "groups": None} | more
    return compare(tasks, truth, masks, ours, rival, **settings)


def blurred(kind: str, predicted: Array, random: np.random.Generator, much: float) -> Array:
    """The prediction with noise: regression in its unit, counts by a factor, probabilities towards a random one."""
    if kind == "count":
        return predicted * np.exp(2 * much * random.normal(size=predicted.shape))
    if kind == "regression":
        return predicted + much * 20 * random.normal(size=predicted.shape)
    noise = random.random(predicted.shape) if kind == "binary" else random.dirichlet(np.ones(predicted.shape[1]), len(predicted))
    return (1 - much) * predicted + much * noise


@pytest.mark.parametrize(("kind", "metric"), EVERY)
def test_swapping_the_rivals_mirrors_every_metric(kind: str, metric: str, make_task: Any, sample: Any) -> None:
    random = np.random.default_rng(0)
    truth, ours = sample(kind, ROWS, random)
    rival = blurred(kind, ours, random, 0.3)
    tasks = [make_task("a", kind, metric=metric)]
    one = compared(tasks, {"a": truth}, {"a": ours}, {"a": rival}).tasks["a"]
    other = compared(tasks, {"a": truth}, {"a": rival}, {"a": ours}).tasks["a"]
    assert one.diff is not None
    assert other.diff == -one.diff
    assert (other.low, other.high) == (-one.high, -one.low)
    if one.verdict == "better":
        assert one.low is not None
        assert one.low > 0
    assert (one.verdict == "better") <= (other.verdict in ("worse", "no worse"))


@pytest.mark.parametrize(("kind", "metric"), [(k, m) for k, m in EVERY if m != "calibration_error"])
def test_noise_makes_worse_never_better(kind: str, metric: str, make_task: Any, sample: Any) -> None:
    random = np.random.default_rng(1)
    truth, rival = sample(kind, ROWS, random, **({"classes": 40} if kind == "retrieval" else {}))
    if kind == "binary":
        rival = np.clip(rival, 0.05, 0.95) * 0.5 + truth * 0.4  # sharp, so that noise can only hurt
    ours = blurred(kind, rival, random, 0.8)
    one = compared([make_task("a", kind, metric=metric)], {"a": truth}, {"a": ours}, {"a": rival}).tasks["a"]
    assert one.diff is not None
    assert one.diff < 0
    assert one.verdict in ("worse", "cannot tell")


def test_a_little_noise_of_its_own_is_never_better(make_task: Any, sample: Any) -> None:
    """Twenty tasks whose two rivals differ by a fresh little noise: nothing to claim."""
    random = np.random.default_rng(2)
    tasks = [make_task(f"t{i}", "regression") for i in range(20)]
    truth, ours, rival = {}, {}, {}
    for task in tasks:
        truth[task.name], base = sample("regression", ROWS, random)
        ours[task.name], rival[task.name] = (blurred("regression", base, random, 0.02) for _ in range(2))
    assert compared(tasks, truth, ours, rival).having("better") == []


@pytest.mark.parametrize("kind", OF_ARRAYS)
def test_identical_predictions(kind: str, make_task: Any, sample: Any) -> None:
    truth, ours = sample(kind, 40, np.random.default_rng(3))
    done = compared([make_task("a", kind)], {"a": truth}, {"a": ours}, {"a": ours.copy()}, tolerance=0.0)
    one = done.tasks["a"]
    assert (one.verdict, one.diff, one.low, one.high, one.delta_pct) == ("no worse", 0, 0, 0, 0)
    assert (done.delta_m.value, done.delta_m.low, done.delta_m.high) == (0, 0, 0)


def test_delta_is_a_share_of_the_rivals_loss(make_task: Any) -> None:
    truth = np.arange(100.0)
    ours, rival = truth + 9 * np.where(truth % 2, 1, -1), truth + 10 * np.where(truth % 2, 1, -1)
    tasks = [make_task("r", "regression"), make_task("m", "regression", metric="mae")]
    both = [{t.name: p for t in tasks} for p in (ours, rival)]
    done = compared(tasks, {t.name: truth for t in tasks}, *both)
    for one in done.tasks.values():
        assert one.delta_pct == pytest.approx(10)
    assert done.tasks["m"].diff == pytest.approx(1)
    assert done.delta_m.value == pytest.approx(10)


def test_a_tasks_own_tolerance_comes_first(make_task: Any) -> None:
    random = np.random.default_rng(4)
    truth = random.normal(size=2000)
    rival = truth + random.normal(size=2000)
    ours = truth + 1.05 * (rival - truth)
    tasks = [make_task("strict"), make_task("mild", tolerance=0.2)]
    done = compared(tasks, dict.fromkeys(("strict", "mild"), truth), *[dict.fromkeys(("strict", "mild"), p) for p in (ours, rival)])
    assert {n: t.verdict for n, t in done.tasks.items()} == {"strict": "worse", "mild": "no worse"}


def test_a_perfect_rival_has_no_loss_to_share(make_task: Any) -> None:
    truth = np.repeat([0.0, 1.0], 30)
    ours = np.random.default_rng(5).random(60)
    done = compared([make_task("a", "binary")], {"a": truth}, {"a": ours}, {"a": truth})
    one = done.tasks["a"]
    assert one.verdict == "worse"
    assert one.delta_pct is None
    assert one.diff is not None
    assert "no loss" in one.reason
    assert done.delta_m.value is None


def test_undefined_tasks_have_a_reason_and_harm_nobody(make_task: Any, sample: Any) -> None:
    random = np.random.default_rng(6)
    truth, predicted = sample("regression", 50, random)
    tasks = [
        make_task("fine"),
        make_task("flat"),
        make_task("one", "binary"),
        make_task("none"),
        make_task("absent"),
        make_task("lone"),
    ]
    truths = {"fine": truth, "flat": np.full(50, 3.0), "one": np.zeros(50), "none": truth, "absent": truth, "lone": truth}
    labelled = {name: np.ones(50, np.bool_) for name in truths} | {"none": np.zeros(50, np.bool_), "lone": np.arange(50) == 7}
    ours = dict.fromkeys(truths, predicted) | {"one": np.full(50, 0.3)}
    rival = {name: values + 0.01 * (name != "one") for name, values in ours.items() if name != "absent"}
    done = compared(tasks, truths, ours, rival, labelled)
    assert done.tasks["fine"].reason == ""
    for name, reason in {
        "flat": "every true value",
        "one": "one class",
        "none": "no labelled row",
        "absent": "no prediction",
        "lone": "every",
    }.items():
        one = done.tasks[name]
        assert (one.verdict, one.diff, one.delta_pct) == ("cannot tell", None, None)
        assert reason in one.reason
    assert done.delta_m.value == done.tasks["fine"].delta_pct
    assert as_json(done.tasks["one"])["reason"]
    assert "reason" not in as_json(done.tasks["fine"])


def test_no_rows_at_all(make_task: Any) -> None:
    nothing = {"a": np.zeros(0)}
    done = compared([make_task("a")], nothing, nothing, nothing)
    assert done.tasks["a"].verdict == "cannot tell"
    assert done.delta_m.value is None


def test_nan_where_there_is_no_label_does_not_matter_and_where_there_is_one_stops(make_task: Any) -> None:
    truth = np.arange(20.0)
    ours = truth + 1
    ours[3] = np.nan
    labelled = {"a": np.arange(20) != 3}
    assert compared([make_task("a")], {"a": truth}, {"a": ours}, {"a": truth + 2}, labelled).tasks["a"].diff is not None
    with pytest.raises(DataError, match="task a"):
        compared([make_task("a")], {"a": truth}, {"a": ours}, {"a": truth + 2})


def test_rows_of_a_group_do_not_count_as_many(make_task: Any) -> None:
    """Each row copied 20 times: over rows the interval shrinks, over groups it stays as wide as the groups say."""
    random = np.random.default_rng(7)
    truth = random.normal(size=30)
    ours, rival = truth + random.normal(size=30), truth + random.normal(size=30)
    many = [np.repeat(x, 20) for x in (truth, ours, rival)]

    def width(groups: Array | None, values: list[Array]) -> float:
        one = compared([make_task("a", metric="mae")], *[{"a": v} for v in values], groups=groups).tasks["a"]
        assert one.low is not None
        assert one.high is not None
        return one.high - one.low

    alone, grouped, naive = width(None, [truth, ours, rival]), width(np.repeat(np.arange(30), 20), many), width(None, many)
    assert grouped == pytest.approx(alone, rel=0.15)
    assert naive < 0.4 * alone


def test_pairing_sees_what_separate_intervals_cannot(make_task: Any) -> None:
    """A small gain on every row, under a spread of errors that is much larger."""
    random = np.random.default_rng(8)
    truth, error = random.normal(size=400), random.normal(size=400)
    one = compared([make_task("a", metric="mae")], {"a": truth}, {"a": truth + 0.95 * error}, {"a": truth + error}).tasks["a"]
    assert one.verdict == "better"


def test_the_same_seed_gives_the_same_bytes(make_task: Any, sample: Any) -> None:
    truth, ours = sample("binary", ROWS, np.random.default_rng(9))
    both = [compared([make_task("a", "binary")], {"a": truth}, {"a": ours}, {"a": ours**2}) for _ in range(2)]
    assert both[0] == both[1]
