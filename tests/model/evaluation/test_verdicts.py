"""The verdict's properties: symmetric, monotone, calibrated, never from nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl.evaluation.verdicts import VERDICTS, Gain, holm, p_better, p_no_worse, p_worse, verdicts

ALPHA = 0.025


def a_gain(value: float, error: float, margin: float = 0.02, units: int = 500, seed: int = 0) -> Gain:
    return Gain(value, value + error * np.random.default_rng(seed).normal(size=2000), margin, units)


def swapped(gain: Gain, margin: float | None = None) -> Gain:
    return Gain(-gain.value, -gain.draws, gain.margin if margin is None else margin, gain.units, gain.same)


def test_each_verdict_can_be_said() -> None:
    gains = {
        "better": a_gain(0.1, 0.01), "no worse": a_gain(0.0, 0.003), "worse": a_gain(-0.1, 0.01), "cannot tell": a_gain(0.0, 0.1),
    }  # fmt: skip
    assert verdicts(gains, 0.95) == {name: name for name in gains}


many = st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(1e-4, 0.1), st.integers(0, 10**6)), min_size=1, max_size=6)


@given(many)
@settings(max_examples=60, deadline=None)
def test_swapping_the_rivals_swaps_better_and_worse(drawn: list[tuple[float, float, int]]) -> None:
    gains = {str(i): a_gain(value, error, margin=0.0, seed=seed) for i, (value, error, seed) in enumerate(drawn)}
    one, other = verdicts(gains, 0.95), verdicts({k: swapped(g) for k, g in gains.items()}, 0.95)
    mirror = {"better": "worse", "worse": "better", "cannot tell": "cannot tell"}
    assert other == {task: mirror[verdict] for task, verdict in one.items()}


@given(many, st.floats(0, 0.1))
@settings(max_examples=60, deadline=None)
def test_with_a_tolerance_what_was_better_is_worse_or_within_it(drawn: list[tuple[float, float, int]], margin: float) -> None:
    gains = {str(i): a_gain(value, error, margin=margin, seed=seed) for i, (value, error, seed) in enumerate(drawn)}
    one, other = verdicts(gains, 0.95), verdicts({k: swapped(g) for k, g in gains.items()}, 0.95)
    for task in gains:
        if one[task] == "better":
            assert other[task] in ("worse", "no worse")
        if one[task] == "worse":
            assert other[task] == "better"


@given(many, st.floats(0, 0.1), st.floats(0, 0.1))
@settings(max_examples=60, deadline=None)
def test_more_tolerance_only_adds_to_no_worse(drawn: list[tuple[float, float, int]], a: float, b: float) -> None:
    small, large = sorted((a, b))
    by_margin = [
        verdicts({str(i): a_gain(v, e, margin=margin, seed=s) for i, (v, e, s) in enumerate(drawn)}, 0.95)
        for margin in (small, large)
    ]
    for before, after in zip(by_margin[0].values(), by_margin[1].values()):
        assert after in (before, "no worse")
        assert (before == "better") == (after == "better")


def test_identical_predictions_are_no_worse_and_no_crash() -> None:
    same = Gain(0.0, np.zeros(2000), 0.0, 30, same=True)
    assert verdicts({"a": same}, 0.95) == {"a": "no worse"}
    alike = Gain(0.0, np.zeros(2000), 0.02, 30)  # not the same predictions, but the same metric in each resample
    assert verdicts({"a": alike}, 0.95) == {"a": "no worse"}
    assert verdicts({"a": Gain(0.0, np.zeros(2000), 0.0, 30)}, 0.95) == {"a": "cannot tell"}


@pytest.mark.parametrize("units", [0, 1, 2, 5])
def test_a_few_rows_prove_nothing(units: int) -> None:
    """Ours right and the rival wrong on every one of five rows: no resample differs, and still no proof."""
    assert verdicts({"a": Gain(1.0, np.ones(2000), 0.02, units)}, 0.95) == {"a": "cannot tell"}
    assert verdicts({"a": Gain(1.0, np.ones(2000), 0.02, 12)}, 0.95) == {"a": "better"}


def test_undefined_cannot_be_told_and_costs_the_others_nothing() -> None:
    gain = a_gain(0.0222, 0.01)  # p is about 0.013: enough alone, too little among three
    nothing = Gain(0.1, np.full(2000, np.nan), 0.02, 50)
    assert verdicts({"a": gain, "b": None, "c": None}, 0.95) == {"a": "better", "b": "cannot tell", "c": "cannot tell"}
    assert verdicts({"a": nothing}, 0.95) == {"a": "cannot tell"}
    assert verdicts({}, 0.95) == {}


def test_among_139_tasks_a_clear_gain_is_still_seen() -> None:
    gains = {f"dull{i}": a_gain(0.0, 0.05, seed=i) for i in range(138)}
    said = verdicts({"clear": a_gain(0.2, 0.04, units=60), **gains}, 0.95)
    assert said["clear"] == "better"
    assert p_better(a_gain(0.2, 0.04), ALPHA) < ALPHA / 139 < 1 / 2001


@given(st.floats(-0.05, 0.05), st.floats(1e-3, 0.05), st.integers(0, 10**6))
@settings(max_examples=80, deadline=None)
def test_no_claim_goes_against_the_interval_shown(value: float, error: float, seed: int) -> None:
    from mtl.evaluation.bootstrap import interval

    random = np.random.default_rng(seed)
    gain = Gain(value, value + error * random.gamma(1, 1, 2000) - error, 0.02, 500)  # skewed
    ends = interval(gain.draws, 0.95)
    assert ends.low is not None
    assert ends.high is not None
    if ends.low <= 0:
        assert p_better(gain, ALPHA) >= ALPHA
    if ends.high >= 0:
        assert p_worse(gain, ALPHA) >= ALPHA
    if ends.low <= -gain.margin:
        assert p_no_worse(gain, ALPHA) >= ALPHA


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    named = {f"{i:02d}": p for i, p in enumerate(p_values)}
    adjusted = holm(named)
    for name, p in named.items():
        assert p <= adjusted[name] <= min(1, len(named) * p) + 1e-15
    by_size = sorted(named, key=lambda n: (named[n], n))
    assert [adjusted[n] for n in by_size] == sorted(adjusted.values())


def test_holm_by_hand() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})


def test_words_are_those_of_the_design() -> None:
    assert VERDICTS == ("better", "no worse", "worse", "cannot tell")


def said_under(tasks: int, units: int, shift: float, margin: float, *, heavy: bool = False, trials: int = 300) -> dict[str, float]:
    """Share of trials in which at least one of the tasks gets each verdict.

    Two rivals err alike but for `shift`, in a mean loss over `units` rows; all tasks share the resamples, as in `compare`.
    """
    random = np.random.default_rng(units)
    weights = random.multinomial(units, np.full(units, 1 / units), 1000) / units
    found = dict.fromkeys(VERDICTS, 0)
    for _ in range(trials):
        noise = random.standard_t(3, (2, units, tasks)) ** 2 if heavy else np.abs(random.normal(size=(2, units, tasks)))
        each = noise[0] - noise[1] + shift
        draws = (weights @ each).T.copy()
        gains = {str(i): Gain(float(each[:, i].mean()), draws[i], margin, units) for i in range(tasks)}
        for verdict in set(verdicts(gains, 0.95).values()):
            found[verdict] += 1
    return {verdict: count / trials for verdict, count in found.items()}


def at_most(share: float, trials: int) -> float:
    """What a true share may look like in so many trials; passed by chance once in 200."""
    return share + 2.6 * float(np.sqrt(share * (1 - share) / trials))


@pytest.mark.parametrize(("units", "heavy"), [(20, False), (20, True), (200, False)])
def test_family_wise_error_under_the_null(units: int, heavy: bool) -> None:
    """Exchangeable rivals, 20 tasks: some task is `better` in at most α of the trials, and so `worse`."""
    found = said_under(20, units, 0.0, 0.0, heavy=heavy)
    assert found["better"] <= at_most(ALPHA, 300)
    assert found["worse"] <= at_most(ALPHA, 300)


def test_family_wise_error_at_the_margin() -> None:
    """Every task is worse by exactly its tolerance: `no worse` for some task in at most α of the trials."""
    assert said_under(20, 100, -0.1, 0.1)["no worse"] <= at_most(ALPHA, 300)


@pytest.mark.slow
@pytest.mark.parametrize(("tasks", "units", "trials"), [(1, 30, 2000), (11, 1600, 400), (139, 20, 200)])
def test_family_wise_error_in_many_trials(tasks: int, units: int, trials: int) -> None:
    found = said_under(tasks, units, 0.0, 0.0, trials=trials)
    assert max(found["better"], found["worse"]) <= at_most(ALPHA * 1.15, trials)  # 1000 resamples blur the standard error


def test_power_is_not_thrown_away() -> None:
    """One task, a gain of four standard errors: nearly always seen."""
    assert said_under(1, 200, 0.25, 0.0, trials=100)["better"] >= 0.9
