from __future__ import annotations

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from mtl.tuning.pruning import EPOCHS, FIRST, MedianOfParts, step_of

CURVES = st.lists(st.lists(st.floats(0, 1), min_size=8, max_size=8), min_size=0, max_size=9)


def falling(curve: list[float]) -> list[float]:
    return np.minimum.accumulate(curve).tolist()


def study_of(curves: list[dict[int, float]]) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="minimize")
    for curve in curves:
        study.add_trial(create_trial(state=TrialState.COMPLETE, value=list(curve.values())[-1], intermediate_values=curve))
    return study


def running(values: dict[int, float]) -> optuna.trial.FrozenTrial:
    return create_trial(state=TrialState.RUNNING, intermediate_values=values)


@given(CURVES, st.lists(st.floats(0, 1), min_size=1, max_size=8), st.integers(0, 5))
def test_where_every_trial_has_every_epoch_it_is_optunas_median_pruner(curves, mine, warmup: int) -> None:
    study = study_of([dict(enumerate(falling(curve), 1)) for curve in curves])
    trial = running(dict(enumerate(falling(mine), 1)))
    theirs = optuna.pruners.MedianPruner(n_startup_trials=FIRST, n_warmup_steps=warmup + 1)
    assert MedianOfParts(warmup).prune(study, trial) == theirs.prune(study, trial)


def test_a_trial_that_stopped_early_counts_with_its_last_score() -> None:
    study = study_of([{1: 0.9, 2: 0.5} for _ in range(FIRST)])
    assert MedianOfParts(0).prune(study, running({5: 0.6}))
    assert not MedianOfParts(0).prune(study, running({5: 0.5}))


@pytest.mark.parametrize(("epoch", "score", "pruned"), [(1, 0.9, False), (2, 0.71, True), (2, 0.69, False), (9, 0.71, True)])
def test_the_second_fold_is_compared_with_second_folds(epoch: int, score: float, pruned: bool) -> None:
    """The first fold alone had 0.5, which a mean over two cannot be held against."""
    study = study_of([{step_of(0, 3): 0.5, step_of(1, 1): 0.95, step_of(1, 2): 0.7} for _ in range(FIRST)])
    trial = running({step_of(0, 3): 0.4, step_of(1, epoch): score})
    assert MedianOfParts(1).prune(study, trial) == pruned


def test_nothing_is_pruned_before_enough_trials_or_in_the_warm_up() -> None:
    few = study_of([{3: 0.1} for _ in range(FIRST - 1)])
    assert not MedianOfParts(0).prune(few, running({3: 1.0}))
    enough = study_of([{3: 0.1} for _ in range(FIRST)])
    assert MedianOfParts(2).prune(enough, running({3: 1.0}))
    assert not MedianOfParts(3).prune(enough, running({3: 1.0}))
    assert not MedianOfParts(0).prune(enough, running({}))
    assert EPOCHS > 10_000
