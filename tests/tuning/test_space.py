from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.errors import SpecError
from mtl.spec import Range
from mtl.tuning.base import Base
from mtl.tuning.keys import space_of, tunable_keys
from mtl.tuning.space import Dimension, Space
from tests.tuning.conftest import PARAMS

Make = Callable[..., Base]


def drawn(space: Space, base: Base, seed: int) -> dict[str, object]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return space.suggest(study.ask(), base)


@pytest.fixture(autouse=True)
def _silent() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize(
    ("tune", "line", "said"),
    [
        ("{space: {model.widht: [8]}}", "model.widht: unknown key", "write 'model.width'"),
        ("{space: {tasks.wieght.weight: [1, 2]}}", "tasks.wieght.weight: unknown key", "write 'tasks.weight.weight'"),
        ("{space: {model.width: [16, -1]}}", "tune.space.model.width: -1", "greater than or equal to 1"),
        ("{space: {model.width: {low: 0, high: 9}}}", "tune.space.model.width: 0", "greater than or equal to 1"),
        ("{space: {model.depth: {low: 1.5, high: 3}}}", "tune.space.model.depth: 1.5", "a whole number"),
        ("{space: {model.sharing: [shared_bottom, mmeo]}}", "tune.space.model.sharing: 'mmeo'", "'mmoe'"),
        ("{space: {model.sharing: [shared_bottom, auto]}}", "tune.space.model.sharing: auto", "a search itself"),
        ("{space: {training.seed: [0, 1]}}", "not a key to tune", "luck"),
        ("{space: {gate.tolerance: [0.1, 0.2]}}", "not a key to tune", "model, training"),
        ("{space: {tasks.ill.weight: [1, 2]}}", "has no say in any trial", "fixed"),
        ("{space: {model.options.experts: [2, 4]}}", "has no say in any trial", "mmoe"),
        ("{space: {training.momentum: [0.5, 0.9]}}", "has no say in any trial", "sgd"),
        ("{space: {model.bin_width: [4, 8]}}", "has no say in any trial", "encoding.bins"),
    ],
)
def test_what_cannot_be_tuned_is_said_with_its_key_before_any_trial(tune: str, line: str, said: str, base: Make) -> None:
    with pytest.raises(SpecError) as error:
        space_of(base(tune))
    assert line in str(error.value)
    assert said in str(error.value)
    assert "params.yaml, line 29" in str(error.value)


def test_a_value_that_goes_with_another_choice_only_is_allowed(base: Make) -> None:
    made = base("{space: {model.options.experts: [2, 4], model.sharing: [shared_bottom, mmoe], tasks.ill.weight: [1, 2], "
                "training.balancing: [equal, fixed]}}")  # fmt: skip
    space = space_of(made)
    assert [one.key for one in space.dimensions][:2] == ["model.sharing", "training.balancing"], "what decides comes first"
    for seed in range(20):
        values = drawn(space, made, seed)
        assert ("model.options.experts" in values) == (values["model.sharing"] == "mmoe")
        assert ("tasks.ill.weight" in values) == (values["training.balancing"] == "fixed")
        made.spec_with(values)


def test_nothing_that_balances_is_drawn_where_tasks_share_nothing(base: Make) -> None:
    made = base(
        "{space: {model.sharing: [separate, shared_bottom], training.balancing: [equal, upgrad], training.at: [parameters, auto]}}"
    )
    space = space_of(made)
    for seed in range(20):
        values = drawn(space, made, seed)
        assert ("training.balancing" in values) == (values["model.sharing"] != "separate")
        assert ("training.at" in values) == (values.get("training.balancing") == "upgrad")
        made.spec_with(values)


def test_without_a_space_a_sensible_one_is_searched(base: Make) -> None:
    made = base()
    space = space_of(made)
    assert {"model.width", "training.lr", "model.sharing", "training.balancing"} <= {one.key for one in space.dimensions}
    for seed in range(10):
        made.spec_with(drawn(space, made, seed))


def test_where_the_sharing_decides_for_itself_neither_it_nor_a_weight_is_varied(base: Make) -> None:
    params = base_params(base).replace("width: 16", "sharing: auto, width: 16")
    keys = {one.key for one in space_of(base("{}", params)).dimensions}
    assert "model.width" in keys
    assert not keys & {"model.sharing", "training.balancing", "tasks.ill.weight"}
    with pytest.raises(SpecError, match="has no say"):
        space_of(base("{space: {tasks.ill.weight: [1, 2]}}", params))


def base_params(base: Make) -> str:
    return base().text.partition("tune:")[0]


def test_every_key_that_is_offered_can_be_set(base: Make) -> None:
    made = base()
    for key in tunable_keys(made.spec):
        if not key.endswith(".") and ".options." not in key:
            present = made.said(key)
            if present is not None and not isinstance(present, tuple):
                assert made.spec_with({key: present}) == made.spec, key


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e4), st.booleans(), st.integers(0, 9))
def test_a_number_stays_in_its_range_and_is_what_is_printed(low: float, factor: float, log: bool, seed: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    over = Range(low=low, high=low * factor, log=log)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    value = Dimension("training.lr", over).suggest(study.ask())
    assert over.low <= value <= over.high
    assert value in (over.low, over.high) or float(f"{value:.3g}") == value


def test_whole_numbers_steps_lists_and_nothing(base: Make) -> None:
    made = base("{space: {model.width: {low: 8, high: 64, log: true}, model.dropout: {low: 0, high: 0.3, step: 0.1}, "
                "training.clip: [null, 1.0], model.groups: [null, [[weight], [ill]]]}}")  # fmt: skip
    space = space_of(made)
    seen = [drawn(space, made, seed) for seed in range(30)]
    assert all(isinstance(values["model.width"], int) for values in seen)
    assert {values["model.dropout"] for values in seen} == {0.0, 0.1, 0.2, 0.3}
    assert {values["training.clip"] for values in seen} == {None, 1.0}
    assert sum(values["model.groups"] is None for values in seen) not in (0, 30)
    assert {len(made.spec_with(values).model.groups or ()) for values in seen} == {0, 2}


def test_the_present_spec_need_not_lie_in_the_space(base: Make) -> None:
    made = base("{space: {model.width: [32, 64], training.lr: {low: 1.0e-3, high: 1.0e-1, log: true}}}")
    space = space_of(made)
    assert space.present(made) == {"model.width": 16, "training.lr": 0.01}
    assert space.parameters(space.present(made)) == {"training.lr": 0.01}


def test_options_of_the_sharing_before_go_with_it(base: Make) -> None:
    params = base_params(base).replace("width: 16", "sharing: mmoe, options: {experts: 4}, width: 16")
    made = base("{}", params)
    assert made.said("model.options.experts") == 4
    assert made.spec_with({"model.sharing": "shared_bottom"}).model.options == {}
    assert made.spec_with({"model.sharing": "mmoe"}).model.options == {"experts": 4}
    assert made.spec_with({"model.options.experts": 2}).model.options == {"experts": 2}


def test_what_a_text_has_to_tune(base: Make) -> None:
    text = "  note: {source: people, kind: text, column: note, network: gru}\ntasks:\n"
    params = PARAMS.replace("tasks:\n", text)
    made = base("{space: {inputs.note.vocabulary: {low: 300, high: 900, log: true}, inputs.note.pooling: [max, attention], "
                "inputs.note.options.hidden: {low: 8, high: 64}, inputs.facts.embedding: {low: 2, high: 8}}}", params)  # fmt: skip
    space = space_of(made)
    for values in (drawn(space, made, seed) for seed in range(10)):
        note = made.spec_with(values).inputs["note"]
        assert note.option("hidden") == values["inputs.note.options.hidden"]
        assert all(isinstance(values[f"inputs.{key}"], int) for key in ("note.vocabulary", "note.options.hidden", "facts.embedding"))
    for key, said in (("inputs.note.embedding", "unknown key"), ("inputs.note.options.kernels", "an option of gru")):
        with pytest.raises(SpecError, match="inputs.note") as error:
            space_of(base(f"{{space: {{{key}: [2, 4]}}}}", params))
        assert said in str(error.value) or "not a key to tune" in str(error.value)
