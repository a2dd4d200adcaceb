"""What was trained on what: sources, entities, inputs, labels, and what was left out."""

from __future__ import annotations

from typing import Any

from mtl.layout import SPLITS
from mtl.report.pictures.strips import stacked_bar
from mtl.report.reading import Findings, clean
from mtl.report.words import number
from mtl.spec import AudioInput, ImageInput, Input, PretrainedTextInput, Spec, Task, TextInput, TokensInput, VectorInput

MOST_WEIGHTS = 20


def context(findings: Findings, spec: Spec) -> dict[str, Any]:
    encoding = findings.encoding
    return {
        "recipe": _recipe(findings, spec),
        "sources": [_source(findings, spec, name) for name in spec.sources],
        "rows": encoding.get("rows") or {},
        "split": encoding.get("split") or "",
        "entities": {name: " + ".join(entity.key) for name, entity in clean_items(spec.entities)},
        "inputs": [_input(findings, spec, name) for name in spec.inputs],
        "tasks": [_task(findings, spec, name, counts) for name, counts in (encoding.get("tasks") or {}).items()],
        "seen": bool(findings.candidate.summary.get("seen")),
        "dropped": encoding.get("dropped_tasks") or {},
        "leaks": encoding.get("leaks") or [],
        "looked_for_leaks": bool(encoding) and any(one.kind == "tabular" for one in spec.inputs.values()),
    }


REFIT = "; then anew on train and valid, for as many as were best"
"""What is said of training.refit."""


def clean_items(mapping: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(clean(name), value) for name, value in mapping.items()]


def _recipe(findings: Findings, spec: Spec) -> list[tuple[str, str]]:
    """The network and the loop in a few words each."""
    model, training, summary = spec.model, spec.training, findings.candidate.summary
    balancing = str(summary.get("balancing") or training.balancing)
    facts = [
        ("Sharing", f"{_sharing(findings, spec)}, {model.depth} × {model.width}, dropout {model.dropout:g}"),
        ("Balancing of losses", balancing.replace("_", " ")),
        ("Optimizer", f"{training.optimizer.replace('_', ' ')}, learning rate {training.lr:g}, batches of {training.batch_size:,}"),
        ("Epochs", f"at most {training.max_epochs}, patience {training.patience}{REFIT if summary.get('refit') else ''}"),
    ]
    if model.members > 1:
        facts.append(("Members", f"{model.members}, whose mean is predicted"))
    if training.sampler != "proportional":
        heat = f" (T = {training.temperature:g})" if training.sampler == "temperature" else ""
        facts.append(("Rows of a batch", training.sampler.replace("_", " ") + heat))
    if summary.get("parameters") is not None:
        facts.append(("Parameters", number(summary["parameters"])))
    weights = summary.get("weights") or {}
    if weights and balancing != "equal":
        given = "as they were chosen" if findings.choice.get("weights") else "as the spec gives them"
        lead = given if balancing == "fixed" else "learned, largest first"
        by_size = sorted(weights.items(), key=lambda item: -item[1])
        told = ", ".join(f"{clean(task)} {number(weight, 2)}" for task, weight in by_size[:MOST_WEIGHTS])
        facts.append((f"Weights of the losses, {lead}", told + (" …" if len(by_size) > MOST_WEIGHTS else "")))
    return facts


def _sharing(findings: Findings, spec: Spec) -> str:
    """The sharing that was trained; where it was chosen, that is told."""
    used = str(findings.candidate.summary.get("sharing") or spec.model.sharing).replace("_", " ")
    groups = findings.choice.get("groups") or spec.model.groups or ()
    trunks = f" in {len(groups)} trunks" if len(groups) > 1 else ""
    return f"{used}{trunks}{' (chosen)' if spec.model.sharing == 'auto' else ''}"


def _source(findings: Findings, spec: Spec, name: str) -> dict[str, Any]:
    found = findings.validations.get(name) or {}
    return {
        "name": name,
        "path": clean(spec.sources[name].path),
        "entity": clean(spec.entity_of(name)),
        "rows": number(found.get("rows_kept")),
        "tasks": sum(1 for t in spec.tasks.values() if t.source == name),
    }


def _input(findings: Findings, spec: Spec, name: str) -> dict[str, Any]:
    found = (findings.encoding.get("inputs") or {}).get(name) or {}
    declared = spec.inputs[name]
    return {
        "name": name,
        "source": ", ".join(declared.all_sources),
        "kind": declared.kind,
        "reads": _reads(declared, found),
        "columns": [clean(c) for c in declared.names],
        "dropped": found.get("dropped") or {},
    }


def _reads(declared: Input, found: dict[str, Any]) -> str:
    """What an input is made of, as it was fitted, or as it was declared."""
    if isinstance(declared, TextInput):
        known = f"{found['tokens']:,}" if "tokens" in found else f"at most {declared.vocabulary:,}"
        return f"{known} tokens ({declared.tokenizer}), {declared.network}"
    if isinstance(declared, TokensInput):
        known = f"{found['words']:,}" if "words" in found else f"at most {declared.vocabulary:,}"
        return f"tokens, {known} words known{', affixes' if declared.affixes else ''}, {declared.network}"
    if isinstance(declared, PretrainedTextInput):
        return f"texts, by {clean(declared.model)}, {declared.mode}"
    if isinstance(declared, AudioInput):
        return f"{declared.mels} bands of at most {declared.seconds:g} s of sound, {declared.network}"
    if isinstance(declared, ImageInput):
        return f"pictures, {' × '.join(map(str, (*declared.pixels, declared.colours)))}, {clean(declared.reader)}"
    if isinstance(declared, VectorInput):
        return f"{declared.size:,} {declared.format}"
    kinds = [column.kind for column in declared.columns.values()]
    counts = {kind: many(found.get(kind, kinds.count(kind))) for kind in ("numeric", "categorical")}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "nothing"


def many(value: Any) -> int:
    """A count, given as such or as the list of what was counted."""
    return len(value) if isinstance(value, list | dict) else int(value)


def _task(findings: Findings, spec: Spec, name: str, counts: dict[str, Any]) -> dict[str, Any]:
    declared, rows = spec_task(spec, name), findings.encoding.get("rows") or {}
    labels = {split: int(counts.get(split) or 0) for split in SPLITS}
    missing = max(sum(int(rows.get(s) or 0) for s in SPLITS) - sum(labels.values()), 0)
    said = ", ".join(f"{n:,} {split}" for split, n in labels.items())
    bar = stacked_bar(
        [*((s, n, f"{s}: {n:,} labels") for s, n in labels.items()), ("unlabelled", missing, f"no label: {missing:,} rows")],
        f"labels of {name}: {said}",
        height=10,
    )
    return {
        "name": name,
        "anchor": findings.anchor(name),
        "kind": counts.get("kind", ""),
        "labels": labels,
        "seen": _seen(findings, name),
        "bar": bar,
        "of": clean(f"{declared.source}.{declared.column}") if declared else "",
        "inputs": ", ".join(declared.inputs) if declared and declared.inputs else "all inputs",
    }


def _seen(findings: Findings, name: str) -> list[str]:
    """How often each train label was learned from: in an epoch, and up to the weights that were kept."""
    seen = (findings.candidate.summary.get("seen") or {}).get(name) or {}
    return [f"×{number(seen[when], 2)}" if when in seen else "" for when in ("an_epoch", "to_best")]


def spec_task(spec: Spec, name: str) -> Task | None:
    """The spec's task behind a trained one: itself, or the `for_each` it is one value of."""
    if name in spec.tasks:
        return spec.tasks[name]
    made_of = [of for of, task in spec.tasks.items() if task.for_each and name.startswith(f"{of}_")]
    return spec.tasks[max(made_of, key=len)] if made_of else None
