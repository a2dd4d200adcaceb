"""The search itself: trials are asked for, handed to workers, heard, pruned and told, all from one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from mtl.errors import SpecError, TrainingError
from mtl.tuning.base import Base, Values
from mtl.tuning.data import Plan
from mtl.tuning.interrupt import PERIOD, Interrupt
from mtl.tuning.pool import LOG, Pool, Worker
from mtl.tuning.pruning import MedianOfParts, step_of
from mtl.tuning.space import Space
from mtl.tuning.study import ask, digest
from mtl.tuning.telling import Teller, of_trial

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

DEATHS = 2
"""So many times a trial's process may die before it is given up."""
REFUSED = 10
"""So many refused trials for each one wanted, before the space is held to have nothing more to try."""
OVER = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass
class Search:
    """A search over `space` about `base`. `on_trial` hears of every trial that is over."""

    study: Study
    base: Base
    space: Space
    plan: Plan
    trials: int
    teller: Teller
    on_trial: Callable[[FrozenTrial], None] = lambda _: None
    running: dict[int, Trial] = field(default_factory=dict)
    _known: list[FrozenTrial] | None = None
    _kept: set[int] = field(default_factory=set)
    """Trials that are never pruned."""
    _began: dict[int, float] = field(default_factory=dict)

    def tidy(self) -> None:
        """After a kill: trials that nobody runs any more are tried again; a present spec that was not measured waits."""
        for one in self._all(TrialState.RUNNING):
            if "values" in one.user_attrs and not one.user_attrs.get("baseline"):
                self.study.enqueue_trial(one.params, user_attrs={"deaths": one.user_attrs.get("deaths", 0)})
            self._fail(one)
        for one in self._all(TrialState.WAITING):
            if one.user_attrs.get("baseline"):
                self._fail(one)
        if self.present is None:
            fixed = self.space.parameters(self.space.present(self.base))
            self.study.enqueue_trial(fixed, user_attrs={"baseline": True})
            self._known = None

    def run(self, pool: Pool, seconds: float | None = None, interrupt: Interrupt | None = None) -> None:
        """Until there are enough trials, or no time to begin another; also then nothing is left running.

        Raises KeyboardInterrupt, between two answers, once `interrupt` has noted one.
        """
        until = time.monotonic() + seconds if seconds is not None else float("inf")
        try:
            while True:
                if interrupt is not None:
                    interrupt.check()
                while pool.has_place and self._wants_more(until):
                    self._start(pool)
                if not pool.busy:
                    return
                for worker, answer in pool.answers(PERIOD):
                    self._heard(pool, worker, answer)
        finally:
            for trial in list(self.running.values()):
                self._again(trial, deaths=0)
            for one in self._all(TrialState.RUNNING):  # was asked for, and not begun
                self._fail(one)

    @property
    def over(self) -> list[FrozenTrial]:
        """Trials that count: measured, pruned or given up."""
        return [one for one in self._all() if _counts(one)]

    @property
    def best(self) -> FrozenTrial | None:
        measured = self._all(TrialState.COMPLETE)
        return min(measured, key=lambda one: (one.value, one.number), default=None)

    @property
    def present(self) -> FrozenTrial | None:
        """The trial that is the spec as it stands, if it has been measured."""
        mine = digest(self.base, self.space.present(self.base), self.space)
        return next((one for one in self._all(TrialState.COMPLETE) if one.user_attrs.get("spec") == mine), None)

    def _all(self, *states: TrialState) -> list[FrozenTrial]:
        """Read anew only after a trial began or ended: nobody else writes, and a read costs as much as an epoch may."""
        if self._known is None:
            self._known = self.study.get_trials(deepcopy=False)
        return [one for one in self._known if not states or one.state in states]

    def _wants_more(self, until: float) -> bool:
        if any(one.user_attrs.get("baseline") for one in self._all(TrialState.WAITING)):
            return True
        if time.monotonic() >= until or len(self.over) + len(self.running) >= self.trials:
            return False
        refused = sum("refused" in one.user_attrs for one in self._all(TrialState.PRUNED))
        return refused < REFUSED * self.trials

    def _start(self, pool: Pool) -> None:
        position = len(self._all(*OVER)) + len(self.running) + sum(map(_is_given_up, self._all(TrialState.FAIL)))
        trial = ask(self.study, position, self.plan.seed)
        self._known = None
        values = self._values(trial)
        trial.set_user_attr("values", values)
        try:
            mine = digest(self.base, values, self.space)
        except SpecError as error:
            self._end(trial, TrialState.PRUNED, refused=f"expected {error.expected}; found {error.found}")
            return
        trial.set_user_attr("spec", mine)
        same = next((one for one in self._all(*OVER) if one.user_attrs.get("spec") == mine), None)
        if same is not None and not (trial.user_attrs.get("baseline") and same.state != TrialState.COMPLETE):
            self._end(trial, same.state, same.value, **_measured(same.user_attrs), same_as=same.number)
            return
        self.running[trial.number] = trial
        self._began[trial.number] = time.monotonic()
        if trial.user_attrs.get("baseline"):
            self._kept.add(trial.number)
        pool.free().give(trial.number, self.base, values, self.plan)

    def _values(self, trial: Trial) -> Values:
        """What the trial tries; for the spec as it stands Optuna is told as much of it as lies in the space."""
        if not trial.user_attrs.get("baseline"):
            return self.space.suggest(trial, self.base)
        present = self.space.present(self.base)
        for one in self.space.dimensions:
            if one.key in present and one.holds(present[one.key]):
                one.suggest(trial)
        return present

    def _heard(self, pool: Pool, worker: Worker, answer: dict[str, Any] | None) -> None:
        assert worker.trial is not None
        trial = self.running[worker.trial]
        if answer is None:
            self._died(trial, pool.remove(worker))
        elif "score" in answer:
            step = step_of(answer["part"], answer["epoch"])
            trial.report(answer["score"], step)
            self.teller.passing(trial.number, answer["part"], answer["epoch"], answer["score"], self.plan)
            worker.say(stop=worker.trial not in self._kept and self._is_worse(step, answer["score"]))
        else:
            worker.trial = None
            self._finish(trial, answer)

    def _is_worse(self, step: int, score: float) -> bool:
        pruner = self.study.pruner
        return isinstance(pruner, MedianOfParts) and pruner.is_worse(step, score, self._all(TrialState.COMPLETE))

    def _finish(self, trial: Trial, answer: dict[str, Any]) -> None:
        took = {"seconds": time.monotonic() - self._began[trial.number]}
        if "measured" in answer:
            measured = answer["measured"]
            self._end(trial, TrialState.COMPLETE, measured["score"], **measured)
        elif "stopped" in answer:
            self._end(trial, TrialState.PRUNED, **took)
        elif trial.user_attrs.get("baseline"):
            raise TrainingError(f"the spec as it stands cannot be trained: {answer['failed']}", do=f"mend it first; see {LOG}")
        else:
            self._end(trial, TrialState.PRUNED, **took, failed=answer["failed"])

    def _died(self, trial: Trial, code: int) -> None:
        deaths = trial.user_attrs.get("deaths", 0) + 1
        how = f"killed by signal {-code}{' (out of memory?)' if code == -9 else ''}" if code < 0 else f"exit code {code}; see {LOG}"
        self.teller.over(trial.number)
        if deaths < DEATHS:
            self.teller.line(f"trial {trial.number}: its process ended ({how}): tried once more")
            self._again(trial, deaths)
        elif trial.user_attrs.get("baseline"):
            self._end(trial, TrialState.FAIL)
            raise TrainingError("the spec as it stands cannot be trained", found=f"its process ended {deaths} times ({how})")
        else:
            self._end(trial, TrialState.FAIL, failed=f"its process ended {deaths} times ({how})", given_up=True)

    def _again(self, trial: Trial, deaths: int) -> None:
        """Let a trial that was cut short be tried once more, now or when the search goes on."""
        again = {"deaths": deaths or trial.user_attrs.get("deaths", 0)}
        if trial.user_attrs.get("baseline"):
            again["baseline"] = True
        self.study.enqueue_trial(trial.params, user_attrs=again)
        self.running.pop(trial.number, None)
        self.study.tell(trial, state=TrialState.FAIL)
        self._known = None

    def _end(self, trial: Trial, state: TrialState, value: float | None = None, **attrs: Any) -> None:
        for key, one in attrs.items():
            trial.set_user_attr(key, one)
        self.running.pop(trial.number, None)
        ended = self.study.tell(trial, value if state == TrialState.COMPLETE else None, state)
        self._known = None
        self.teller.over(trial.number)
        self.teller.line(of_trial(ended, self.base, self.best))
        self.on_trial(ended)

    def _fail(self, one: FrozenTrial) -> None:
        self.study._storage.set_trial_state_values(one._trial_id, TrialState.FAIL)
        self._known = None


def _counts(one: FrozenTrial) -> bool:
    return (one.state in OVER and "refused" not in one.user_attrs) or _is_given_up(one)


def _is_given_up(one: FrozenTrial) -> bool:
    return one.state == TrialState.FAIL and bool(one.user_attrs.get("given_up"))


def _measured(attrs: dict[str, Any]) -> dict[str, Any]:
    return {key: attrs[key] for key in ("parts", "losses", "epochs", "parameters") if key in attrs}
