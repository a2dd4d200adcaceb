"""The stage `register`: one transaction from a candidate to a decision. Whatever fails, the champion stays what it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import RegistryError
from mtl.evaluation.cost import tells_of_what_lies_there
from mtl.files import read_json, write_json
from mtl.layout import ALIGNED, CANDIDATE, COST, EVALUATION, METRICS, REGISTRATION
from mtl.registry import store as registry
from mtl.registry.alias import point
from mtl.registry.around import held, in_experiment
from mtl.registry.content import content_key, model_key
from mtl.registry.contest import Compared, Rows, contest
from mtl.registry.gate import AGAINST_CHAMPION, Rule, came_back, judge, passes
from mtl.registry.history import Entry, append, last_champion, put_aside, read_history
from mtl.registry.package import GOLDEN, Package, read_package
from mtl.registry.reference import complete
from mtl.registry.registration import Registration
from mtl.registry.store import Store, open_store
from mtl.registry.trial import RULE as GOLDEN_RULE
from mtl.registry.trial import golden_trial
from mtl.registry.undo import Undo
from mtl.registry.version import Candidate, find_version, make_version, sweep, version_package
from mtl.spec import Spec

NOT_ASKED = "this is a DVC experiment; the registry is asked by `dvc repro` and `mtl run`"
ALREADY = "already champion"


Reference = Callable[[Path, Spec, Package], Mapping[str, Any]]
"""Makes the profile of what a workspace's candidate was trained on, which is kept with the version."""


def register(root: Path, spec: Spec, *, rows: Rows, reference: Reference | None = None) -> Registration:
    """Register the candidate of the workspace `root`, let it meet the gate and the champion, promote it if it passes.

    `rows(spec, encodings)`: raw validated test rows as a model with these encodings reads them. Writes
    reports/registration.json. The same candidate and metrics give the same version again. In a DVC experiment nothing
    but that file is touched. Raises RegistryError; the registry is then as it was.
    """
    root = root.resolve()
    if in_experiment():
        registration = Registration("not_asked", spec.name, (NOT_ASKED,))
        write_json(root / REGISTRATION, registration.as_json())
        return registration
    key = content_key(root / CANDIDATE, root / METRICS)
    profile = None if reference is None else partial(reference, root, spec)
    candidate = Candidate(root, spec, root / CANDIDATE, root / METRICS, key, profile)
    with held(root):
        store = open_store(root, spec.name)
        with Undo(f"registration of {spec.name!r}") as undo:
            registration = _decide(store, candidate, rows, undo)
            if not _stands(root / REGISTRATION, registration):
                write_json(root / REGISTRATION, registration.as_json())
    return registration


def _stands(path: Path, registration: Registration) -> bool:
    """Whether the file tells of the promotion that made this version champion, by the same rules: there is nothing newer
    to say then, and a run that was killed after it had registered ends with the bytes of one that was not."""
    if ALREADY not in registration.reasons[:1]:
        return False
    try:
        told, now = read_json(path), registration.as_json()
        rules = [rule for rule in told["rules"] if rule["rule"] not in (AGAINST_CHAMPION, GOLDEN_RULE)]
        same = all(told[name] == now[name] for name in ("decision", "model", "version"))
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(same and rules == [rule for rule in now["rules"] if rule["rule"] != GOLDEN_RULE])


def _decide(store: Store, candidate: Candidate, rows: Rows, undo: Undo) -> Registration:
    sweep(store, candidate.key)
    version = find_version(store, candidate.key)
    if version is None:
        version = make_version(store, candidate, undo)
    else:
        complete(store, version, candidate)
    before = store.alias(registry.CHAMPION)
    point(store, registry.CANDIDATE, version, undo)
    if version == before:
        return _already(store, candidate, version, undo)
    compared = None if before is None else _meet(store, candidate, before, rows)
    rules = [*_put_aside(store, candidate, version), *_rules(candidate, compared)]
    if passes(rules):
        rules = [*rules, golden_trial(store, version, candidate.folder / GOLDEN)]
    promoted = passes(rules)
    if promoted:
        point(store, registry.CHAMPION, version, undo)
    reasons = _reasons(rules, before)
    _note(store, promoted, version, before, reasons, undo)
    return Registration(
        "promoted" if promoted else "rejected", store.name, tuple(reasons), version, before, tuple(rules), compared
    )  # fmt: skip


def _already(store: Store, candidate: Candidate, version: int, undo: Undo) -> Registration:
    """Nothing new; but a promotion that was killed before it was written down is written down now. A rollback that was killed
    before the alias moved is not written over: it would be forgotten."""
    entries = read_history(store)
    last = next((entry for entry in reversed(entries) if entry.event != "rejected"), None)
    cut_short = [_cut_short(last)] if last and (last.event, last.before) == ("rolled back", version) else []
    if not cut_short and last_champion(entries) != version:
        _note(store, True, version, None, [ALREADY], undo)
    rules = [rule for rule in _rules(candidate, None) if rule.rule != AGAINST_CHAMPION]  # it is the champion
    refused = [f"by today's gate it would be refused: {rule.detail}" for rule in rules if not rule.passed]
    return Registration("promoted", store.name, (*cut_short, ALREADY, *refused), version, version, tuple(rules))


def _cut_short(entry: Entry) -> str:
    again = f"run `mtl rollback {entry.version}` again"
    return f"the rollback of {entry.at[:10]} to version {entry.version} was cut short: {again}"


def _meet(store: Store, candidate: Candidate, champion: int, rows: Rows) -> Compared:
    """The candidate against the version that is champion."""
    from mlflow.exceptions import MlflowException

    test = AlignedSet.read(candidate.root / ALIGNED / "test")
    try:
        return contest(candidate.spec, test, read_package(candidate.folder), version_package(store, champion), rows)
    except (MlflowException, RegistryError, RuntimeError, OSError) as error:  # torch: weights that do not fit today's network
        raise RegistryError(
            f"the champion, version {champion} of {store.name!r}, cannot be asked", expected="a model that this code can load",
            found=str(error).splitlines()[0][:300],
            do="restore its files, or leave `champion` out of gate.no_worse_than and point the alias elsewhere",
        ) from error  # fmt: skip


def _put_aside(store: Store, candidate: Candidate, version: int) -> list[Rule]:
    """A rule that does not hold, if this model was put aside by a rollback; metrics measured anew make it no other model."""
    aside = put_aside(read_history(store))
    if not aside:
        return []
    key = model_key(candidate.folder)
    same = [(one, entry) for one, entry in aside.items() if one == version or entry.model == key]
    there = {int(one.version) for one in store.client.search_model_versions(f"name = '{store.name}'")} if same else set()
    return [came_back(version, one, entry.at, entry.reasons, is_there=one in there) for one, entry in same[-1:]]


def _rules(candidate: Candidate, compared: Compared | None) -> list[Rule]:
    cost: dict[str, Any] = read_json(candidate.root / COST) if (candidate.root / COST).is_file() else {}
    cost = cost if tells_of_what_lies_there(cost, candidate.root) else {}
    of = {task.name: task.of for task in Encodings.read(candidate.folder).tasks}
    measured = candidate.root / EVALUATION
    evaluation = read_json(measured) if candidate.spec.gate.slices and measured.is_file() else None
    return judge(candidate.spec.gate, read_json(candidate.metrics), compared, cost, of, evaluation)


def _reasons(rules: Sequence[Rule], before: int | None) -> list[str]:
    failed = [rule.detail for rule in rules if not rule.passed]
    if failed:
        return failed
    if not rules:
        return ["the gate asks for nothing, so nothing can pass it: name a rival in gate.no_worse_than, or a floor"]
    met = "there was no champion" if before is None else f"it replaces version {before}"
    return [f"every rule of the gate holds ({len(rules)}); {met}"]


def _note(store: Store, promoted: bool, version: int, before: int | None, reasons: list[str], undo: Undo) -> None:
    tag = append(store, "promoted" if promoted else "rejected", version, before, reasons)
    if tag:
        undo.step("entry of the history", lambda: store.client.delete_registered_model_tag(store.name, tag))
