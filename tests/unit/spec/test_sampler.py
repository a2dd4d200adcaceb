"""training.sampler: what goes together, and errors that name the key."""

from __future__ import annotations

import pytest

TRAINING = "model: {}\ntraining: {lr: 1e-3}"
SAMPLERS = ("proportional", "uniform", "temperature", "round_robin", "by_weight")
WRONG = [
    # model, training, key, expected, found, to do
    ("", "sampler: unifrom", "training.sampler", "'uniform'", "'unifrom'", "write 'uniform'"),
    ("", "sampler: temperature, temperature: 0.5", "training.temperature", "greater than or equal to 1", "0.5", ""),
    ("", "sampler: uniform, optimizer: full_batch", "training", "full_batch, whose one step has all rows", "uniform", ""),
    ("sharing: separate", "sampler: uniform", "training.sampler", "the same batches", "model.sharing: separate", "proportional"),
    ("sharing: hybrid", "sampler: round_robin", "training.sampler", "the same batches", "model.sharing: hybrid", "proportional"),
    ("sharing: auto, auto: {also: [mmoe, hybrid]}", "sampler: uniform", "training.sampler", "the same", "auto.also: hybrid", ""),
]


@pytest.mark.parametrize(("model", "training", "key", "expected", "found", "do"), WRONG)
def test_what_is_wrong_is_named(told, model, training, key, expected, found, do) -> None:
    told(TRAINING, f"model: {{{model}}}\ntraining: {{{training}}}", key, expected, found, do)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_goes_together(changed, sampler) -> None:
    read = changed(TRAINING, f"model: {{sharing: cgc}}\ntraining: {{sampler: {sampler}, balancing: famo}}").training
    assert (read.sampler, read.temperature) == (sampler, 5)
    assert read.alone().sampler == "proportional", "a network of one task has nothing to choose between"


def test_by_weight_needs_weights(told) -> None:
    source = "tasks:\n  sick: {source: labs, column: sick, kind: binary}"
    idle = source.replace("binary}", "binary, weight: 0}")
    rest = "\n  weight: {source: labs, column: weight, kind: regression}\nencoding: {}\n"
    told(
        f"{source}{rest}{TRAINING}", f"{idle}{rest}model: {{}}\ntraining: {{sampler: by_weight}}",
        "training.sampler", "a weight above 0 for each task", "tasks.sick.weight: 0", "another sampler",
    )  # fmt: skip


@pytest.mark.parametrize("sampler", SAMPLERS[1:])
def test_only_proportional_deals_rows_of_an_identity_two_by_two(told, changed, sampler) -> None:
    source = "tasks:\n  sick: {source: labs, column: sick, kind: binary}"
    found = source.replace("kind: binary", "kind: retrieval")
    rest = "\n  weight: {source: labs, column: weight, kind: regression}\nencoding: {}\n"
    told(
        f"{source}{rest}{TRAINING}", f"{found}{rest}model: {{}}\ntraining: {{sampler: {sampler}}}",
        "training.sampler", "rows of an identity two by two", f"sampler: {sampler}, beside tasks.sick of kind retrieval",
        "write sampler: proportional",
    )  # fmt: skip
    assert changed(f"{source}{rest}{TRAINING}", f"{found}{rest}{TRAINING}").training.sampler == "proportional"
