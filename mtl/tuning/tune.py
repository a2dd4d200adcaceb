"""The verb `mtl tune`: from params.yaml to a better one, as a diff."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import mtl
from mtl.errors import RegistryError, SpecError
from mtl.files import replacing
from mtl.layout import TUNING
from mtl.registry.store import open_store
from mtl.registry.trials import StudyRun
from mtl.spec import SPEC
from mtl.tuning.base import Base
from mtl.tuning.data import Plan, can_be_dealt, choice_of, data_key, sizes
from mtl.tuning.diff import edited, unified
from mtl.tuning.interrupt import Interrupt
from mtl.tuning.keys import space_of
from mtl.tuning.pool import Pool
from mtl.tuning.search import Search
from mtl.tuning.study import close_study, digest, forget, only_one, open_study, study_file, study_key
from mtl.tuning.telling import Teller, by_task, heading, logged, verdict

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ROOMS = ("network", "balancing", "training", "tuning")
ENCODING_ROOMS = ("data",)
ID = "id"


@dataclass(frozen=True)
class Asked:
    """What the command line says; None where params.yaml decides. `folds` 0: on the valid split."""

    trials: int | None = None
    folds: int | None = None
    processes: int | None = None
    timeout: float | None = None
    fresh: bool = False
    apply: bool = False


def tune(asked: Asked, teller: Teller | None = None) -> bool:
    """Search in the workspace that is the working directory; whether it came to its end (with Ctrl-C it does not).

    Raises SpecError before any trial if the space cannot be searched, DataError if there are no rows to learn from,
    TrainingError if the spec as it stands cannot be trained, RegistryError if MLflow cannot be reached.
    """
    teller, base = teller or Teller(), Base.read()
    said = base.spec.tune
    space = space_of(base)
    folds = said.folds if asked.folds is None else asked.folds or None
    can_be_dealt(base.spec, folds)
    encodes = folds is not None or space.reencodes
    plan = Plan(folds, said.seed, encodes, "", choice_of(base.spec))
    key = study_key(base, space, plan, data_key(encodes), code_key(encodes))
    plan = replace(plan, scratch=str(TUNING / key))
    trials, processes = asked.trials or said.trials, asked.processes or said.processes
    teller.line(heading(space, plan, trials, processes, *sizes(plan, base.spec)))
    with only_one(Path(), key):
        shutil.rmtree(plan.scratch, ignore_errors=True)  # of a search that was killed
        file = study_file(Path(), key)
        if asked.fresh:
            forget(file)
        elif not file.is_file() and any(TUNING.glob("*.db")):
            teller.line("a new study: data, code, space or the rest of the spec are not those of earlier trials")
        study = open_study(file, warmup=base.spec.training.patience)
        try:
            search = Search(study, base, space, plan, trials, teller)
            return _search(search, file, processes, asked.timeout or said.timeout, apply=asked.apply)
        finally:
            close_study(study)
            shutil.rmtree(plan.scratch, ignore_errors=True)


def _search(search: Search, file: Path, processes: int, timeout: float | None, *, apply: bool) -> bool:
    """Trials until there are enough, then what came of them."""
    search.tidy()
    done, study = len(search.over), _in_mlflow(search, file.stem)
    if done:
        search.teller.line(f"already {done} of {search.trials} trials, in {file}")
    search.on_trial = _logging(search, study)
    finished = True
    try:
        with Pool(processes) as pool, Interrupt() as interrupt:
            search.run(pool, timeout, interrupt)
    except KeyboardInterrupt:
        finished = False
        search.teller.line(f"stopped with {len(search.over)} of {search.trials} trials; `mtl tune` goes on from here")
    _conclude(search, study, apply=apply and finished)
    return finished


def _in_mlflow(search: Search, name: str) -> StudyRun:
    """The study's run, with every trial that an earlier search could not write any more."""
    if ID not in search.study.user_attrs:
        search.study.set_user_attr(ID, uuid.uuid4().hex)
    plan, dimensions = search.plan, search.space.dimensions
    params = {"folds": plan.folds, "seed": plan.seed} | {f"space.{one.key}": one.varied for one in dimensions}
    store = open_store(Path(), search.base.spec.name)
    study = StudyRun.open(store, search.study.user_attrs[ID], f"tune {name}", params)
    for one in search.over:
        study.log(logged(one))
    return study


def _logging(search: Search, study: StudyRun) -> Callable[[FrozenTrial], None]:
    def log(trial: FrozenTrial) -> None:
        if "refused" in trial.user_attrs:
            return
        try:
            study.log(logged(trial))
        except RegistryError as error:  # the trial itself is safe, and is written when the search goes on
            search.teller.line(f"trial {trial.number} is not in MLflow yet: {error.found or error.what}")

    return log


def _conclude(search: Search, study: StudyRun, *, apply: bool) -> None:
    """Say what came of it, and write it if that was asked for and it is better."""
    best, present, tell = search.best, search.present, search.teller.line
    if best is None or present is None:
        tell("the spec as it stands has not been measured: nothing to compare with yet")
        return
    said = verdict(best, present, len(search.over), search.plan)
    tell(said)
    diff, text = "", ""
    now = Base.read()  # it may have been edited while the trials ran
    if best.value is not None and present.value is not None and best.value < present.value:
        tell(by_task(best, present))
        text = _applied(search, now, best)
        diff = unified(now.text, text)
        tell(diff.rstrip("\n"))
        tell(_next(len(search.over), written=apply))
    study.note(f"{said}\n```diff\n{diff}```\n", {"best_score": best.value or 0.0, "present_score": present.value or 0.0})
    if apply and diff:
        with replacing(Path(SPEC)) as partial:
            partial.write_text(text, encoding="utf-8")


def _applied(search: Search, now: Base, best: FrozenTrial) -> str:
    values = best.user_attrs["values"]
    if digest(now, values, search.space) != best.user_attrs["spec"]:
        raise SpecError(
            f"{SPEC}: was edited since trial {best.number}", expected="the keys that the trials did not vary as they were then",
            found="other options beside the ones tried", do="run `mtl tune` again",
        )  # fmt: skip
    return edited(now, values)


def _next(tried: int, *, written: bool) -> str:
    first = f"written to {SPEC}; next: `mtl run`" if written else "`mtl tune --apply` writes this; then `mtl run`"
    return f"{first}, which judges it on test: the best of {tried} looks better on the rows that chose it than it is"


def code_key(encodes: bool) -> str:
    """Hash of the code that a trial's score depends on."""
    root = Path(mtl.__file__).parent
    rooms = (*ROOMS, *(ENCODING_ROOMS if encodes else ()))
    files = sorted(path for room in rooms for path in (root / room).rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
