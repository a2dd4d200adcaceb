"""What a person at the terminal reads of a search."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mtl.layout import CHOICE
from mtl.registry.trials import LoggedTrial
from mtl.spec import Choices, Range
from mtl.tuning.base import Base, Values
from mtl.tuning.data import Plan
from mtl.tuning.diff import spelled
from mtl.tuning.pruning import part_and_epoch
from mtl.tuning.space import Space

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SCORE = "valid loss ÷ the best constant's"
WIDE = 40


class Teller:
    """Prints lines; on a terminal also one that is written over, about the trials that run."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._passing: dict[int, str] = {}

    def line(self, text: str) -> None:
        print(("\r\x1b[K" if self._passing and self._is_terminal else "") + text, flush=True)

    def passing(self, trial: int, part: int, epoch: int, score: float, plan: Plan) -> None:
        """Where a running trial is."""
        fold = f", fold {part + 1}/{plan.folds}" if plan.folds else ""
        self._passing[trial] = f"trial {trial}{fold}, epoch {epoch}: {score:.4f}"
        if self._is_terminal:
            print("\r\x1b[K" + "; ".join(self._passing[one] for one in sorted(self._passing)), end="", flush=True)

    def over(self, trial: int) -> None:
        self._passing.pop(trial, None)


def heading(space: Space, plan: Plan, trials: int, processes: int, tasks: int, rows: int) -> str:
    """How many trials, what is measured, and the space, a key a line."""
    at_once = f", {processes} at a time (in which order they end is up to the machine)" if processes > 1 else ""
    judged = (
        f"by {plan.folds}-fold cross-validation over the {rows:,} rows of train and valid, encodings fitted in each fold"
        if plan.folds
        else f"on the {rows:,} rows of valid"
    )
    mean = f"mean over {tasks} tasks of " if tasks > 1 else ""
    first = f"tune: {trials} trials{at_once} over {_keys(len(space.dimensions))}; score: {mean}{SCORE} (1: guessing), {judged}"
    widest = max(len(one.key) for one in space.dimensions)
    lines = [first, *(f"  {one.key:<{widest}}  {_varied(one.varied)}" for one in space.dimensions)]
    if plan.choice is not None:
        lines.append(f"trials share as {CHOICE} has decided for the spec as it stands (sharing: auto)")
    return "\n".join(lines)


def differs(base: Base, values: Values) -> str:
    """`model.width 128, training.lr 0.003`: what a trial has and the spec as it stands has not."""
    return ", ".join(f"{key} {spelled(value)}" for key, value in base.differing(values).items()) or "the spec as it stands"


def of_trial(trial: FrozenTrial, base: Base, best: FrozenTrial | None) -> str:
    """The line of a finished trial."""
    attrs = trial.user_attrs
    shown = "the spec as it stands" if attrs.get("baseline") else differs(base, attrs["values"])
    so_far = f"; best {best.value:.4f} (trial {best.number})" if best is not None else ""
    return f"trial {trial.number}: {outcome(trial)}: {shown}{so_far}"


def outcome(trial: FrozenTrial) -> str:
    """How a trial ended."""
    attrs = trial.user_attrs
    took = f" ({attrs['seconds']:.1f} s)" if "seconds" in attrs else ""
    if "refused" in attrs:
        return f"not tried, since the spec refuses it ({attrs['refused']})"
    if "failed" in attrs:
        return f"failed{took}, {attrs['failed'].splitlines()[0]}"
    if "same_as" in attrs:
        return f"the same as trial {attrs['same_as']}"
    if trial.value is not None and trial.state.name == "COMPLETE":
        return f"{trial.value:.4f}{took}"
    step = trial.last_step or 0
    part, epoch = part_and_epoch(step)
    where = f"epoch {epoch}" + (f" of fold {part + 1}" if part else "")
    return f"pruned at {where} with {trial.intermediate_values.get(step, float('nan')):.4f}{took}"


def verdict(best: FrozenTrial, present: FrozenTrial, tried: int, plan: Plan) -> str:
    """Whether anything beats the spec as it stands, and by how much."""
    assert best.value is not None
    assert present.value is not None
    if best.value >= present.value:
        return f"none of {tried} trials beats the spec as it stands ({present.value:.4f}): nothing to change"
    gain = 1 - best.value / present.value
    pairs = list(zip(best.user_attrs["parts"], present.user_attrs["parts"], strict=True))
    folds = f", lower in {sum(a < b for a, b in pairs)} of {plan.folds} folds" if plan.folds else ""
    against = f"the spec as it stands has {present.value:.4f}: {gain:.2%} lower{folds}"
    return f"best of {tried}: trial {best.number} with {best.value:.4f}; {against}"


def by_task(best: FrozenTrial, present: FrozenTrial) -> str:
    """Each task's valid loss against the present spec's, the most lowered first."""
    ours, theirs = best.user_attrs["losses"], present.user_attrs["losses"]
    change = {task: ours[task] / theirs[task] - 1 for task in ours if theirs.get(task)}
    return "  valid loss: " + ", ".join(f"{task} {change[task]:+.1%}" for task in sorted(change, key=lambda task: change[task]))


def _varied(varied: Choices | Range) -> str:
    if not isinstance(varied, Range):
        return ", ".join(spelled(value) for value in varied)
    how = ", log" if varied.log else f", step {varied.step:g}" if varied.step else ""
    return f"{varied.low:g} … {varied.high:g}{how}"


def _keys(count: int) -> str:
    return f"{count} key" + ("" if count == 1 else "s")


def logged(trial: FrozenTrial) -> LoggedTrial:
    """What MLflow shows of a trial: its values, score (of one that was given up, the last), folds, tasks, size, seconds."""
    attrs, soon = trial.user_attrs, [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
    value = trial.value if trial.value is not None else soon[-1] if soon else None
    found: dict[str, float] = {} if value is None else {"score": value}
    found |= {f"fold_{i + 1}/score": score for i, score in enumerate(attrs.get("parts", ())) if len(attrs["parts"]) > 1}
    found |= {f"{task}/valid_loss": loss for task, loss in attrs.get("losses", {}).items()}
    found |= {key: float(attrs[key]) for key in ("seconds", "parameters") if key in attrs}
    state = "failed" if "failed" in attrs else trial.state.name.lower()
    return LoggedTrial(trial.number, state, attrs.get("values", {}), found, dict(enumerate(soon, 1)))
