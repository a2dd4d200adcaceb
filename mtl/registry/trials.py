"""Trials of `mtl tune` in MLflow: a run of the study, and below it one run a trial, each written once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtl.registry.store import Store, answering, experiment
from mtl.registry.tracking import BATCH_METRICS, BATCH_PARAMS, LONGEST_KEY, LONGEST_VALUE, named

STUDY, TRIAL = "mtl.tune.study", "mtl.tune.trial"
"""Tags: which study a run is, or belongs to; which of its trials it is."""
PARENT, NOTE = "mlflow.parentRunId", "mlflow.note.content"


@dataclass(frozen=True)
class LoggedTrial:
    """What MLflow shall know of one trial."""

    number: int
    state: str
    values: Mapping[str, Any]
    metrics: Mapping[str, float]
    curve: Mapping[int, float] = field(default_factory=dict)
    """Epoch, counted over all parts -> score so far."""


@dataclass
class StudyRun:
    """The study's run in an open store, and the trials that stand below it."""

    store: Store
    study: str
    run: str
    logged: set[int]

    @classmethod
    def open(cls, store: Store, study: str, name: str, params: Mapping[str, Any]) -> StudyRun:
        """The run of `study`, made if there is none; of trials that a kill left half written nothing stays."""
        with answering(store.uri):
            where = experiment(store)
            found = store.client.search_runs([where], f"tags.`{STUDY}` = '{study}'", max_results=50_000)
            mine = next((one.info.run_id for one in found if TRIAL not in one.data.tags), None)
            if mine is None:
                mine = store.client.create_run(where, run_name=name, tags={STUDY: study}).info.run_id
                store.client.log_batch(mine, params=_params(params))
                store.client.set_terminated(mine)
            logged = set()
            for one in found:
                if one.info.status == "FINISHED" and TRIAL in one.data.tags:
                    logged.add(int(one.data.tags[TRIAL]))
                elif TRIAL in one.data.tags:
                    store.client.delete_run(one.info.run_id)
        return cls(store, study, mine, logged)

    def log(self, trial: LoggedTrial) -> None:
        """Write one trial, unless it stands there already."""
        if trial.number in self.logged:
            return
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        tags = {STUDY: self.study, TRIAL: str(trial.number), PARENT: self.run, "state": trial.state}
        with answering(self.store.uri):
            client = self.store.client
            run = client.create_run(experiment(self.store), run_name=f"trial {trial.number}", tags=tags).info.run_id
            values = [Metric(key[:LONGEST_KEY], float(value), now, 0) for key, value in named(trial.metrics).items()]
            curve = [Metric("score_so_far", float(value), now, step) for step, value in trial.curve.items()]
            client.log_batch(run, params=_params(trial.values))
            for some in (values, curve):
                client.log_batch(run, metrics=some[:BATCH_METRICS])
            client.set_terminated(run)
        self.logged.add(trial.number)

    def note(self, text: str, metrics: Mapping[str, float]) -> None:
        """What the study found: its best score, and the difference to params.yaml as the run's description."""
        with answering(self.store.uri):
            for key, value in metrics.items():
                self.store.client.log_metric(self.run, key, value)
            self.store.client.set_tag(self.run, NOTE, text[:5000])


def _params(values: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(key[:LONGEST_KEY], str(value)[:LONGEST_VALUE]) for key, value in list(values.items())[:BATCH_PARAMS]]
