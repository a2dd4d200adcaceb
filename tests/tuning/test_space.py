from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl.errors import SpecError
from mtl.spec import AudioInput, Range, TextInput
from mtl.spec.options import SEQUENCE_OPTIONS
from mtl.tuning.base import Base
from mtl.tuning.data import Plan
from mtl.tuning.diff import edited
from mtl.tuning.keys import space_of, tunable_keys
from mtl.tuning.space import Dimension, Space, has_say
from mtl.tuning.study import digest, study_key
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
        ("{space: {training.temperature: [2, 5]}}", "has no say in any trial", "training.sampler: proportional"),
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


def test_a_temperature_is_drawn_for_the_sampler_that_reads_it(base: Make) -> None:
    made = base("{space: {training.temperature: {low: 1, high: 8}, training.sampler: [proportional, temperature, by_weight], "
                "tasks.ill.weight: [1, 2], model.sharing: [shared_bottom, hybrid]}}")  # fmt: skip
    space, tried = space_of(made), set()
    for seed in range(30):
        values = drawn(space, made, seed)
        assert ("training.sampler" in values) == (values["model.sharing"] == "shared_bottom")
        assert ("training.temperature" in values) == (values.get("training.sampler") == "temperature")
        assert ("tasks.ill.weight" in values) == (values.get("training.sampler") == "by_weight")
        tried.add(values.get("training.sampler"))
        made.spec_with(values)
    assert len(tried) == 4


def test_how_many_tokens_are_tagged_is_not_tuned(base: Make) -> None:
    """Whoever reads fewer is judged on fewer, as far as valid's loss goes."""
    params = PARAMS.replace("tasks:\n", "  words: {source: people, kind: tokens, column: words}\ntasks:\n")
    keys = list(tunable_keys(base("{}", params).spec))
    assert "inputs.words.affixes" in keys
    assert "inputs.words.max_tokens" not in keys


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


def with_text(network: str, name: str = "note") -> str:
    """PARAMS with one more input, a text; `network` as YAML of that key and of those behind it."""
    return PARAMS.replace("tasks:\n", f"  {name}: {{source: people, kind: text, column: note, network: {network}}}\ntasks:\n")


def test_what_a_text_has_to_tune(base: Make) -> None:
    params = with_text("gru")
    made = base("{space: {inputs.note.vocabulary: {low: 300, high: 900, log: true}, inputs.note.pooling: [max, attention], "
                "inputs.note.options.hidden: {low: 8, high: 64}, inputs.facts.embedding: {low: 2, high: 8}}}", params)  # fmt: skip
    space = space_of(made)
    for values in (drawn(space, made, seed) for seed in range(10)):
        note = made.spec_with(values).inputs["note"]
        assert isinstance(note, TextInput)
        assert note.options["hidden"] == values["inputs.note.options.hidden"]
        assert all(
            isinstance(values[f"inputs.{key}"], int) for key in ("note.vocabulary", "note.options.hidden", "facts.embedding")
        )
    for key, said in (
        ("inputs.note.embedding", "not a key to tune"),
        ("inputs.note.options.hiden", "write 'inputs.note.options.hidden'"),
        ("inputs.facts.options.hidden", "not a key to tune"),
        ("inputs.note.options.kernels", "inputs.note.network: cnn, which takes this option"),
    ):
        with pytest.raises(SpecError, match=f"params.yaml, line 30.*{key}") as error:
            space_of(base(f"{{space: {{{key}: [2, 4]}}}}", params))
        assert said in str(error.value)


@pytest.mark.parametrize("network", list(SEQUENCE_OPTIONS))
@pytest.mark.parametrize("name", ["note", "options", "inputs", "model"])
def test_the_first_trial_has_the_options_that_the_text_has_without_writing_them(network: str, name: str, base: Make) -> None:
    defaults = SEQUENCE_OPTIONS[network]
    written = ", ".join(f"inputs.{name}.options.{option}: [{0 if option == 'both' else value * 2}, {value}]"
                        for option, value in defaults.items())  # fmt: skip
    made = base(f"{{space: {{{written}}}}}", with_text(network, name))
    present = space_of(made).present(made)
    assert present == {f"inputs.{name}.options.{option}": value for option, value in defaults.items()}
    said, stands = made.spec_with(present).inputs[name], made.spec.inputs[name]
    assert isinstance(said, TextInput)
    assert isinstance(stands, TextInput)
    assert {**defaults, **said.options} == {**defaults, **stands.options}
    assert said.model_copy(update={"options": stands.options}) == stands


def test_another_network_of_a_text_leaves_the_options_of_the_present_one(base: Make) -> None:
    made = base("{space: {inputs.note.network: [gru, cnn]}}", with_text("gru, options: {hidden: 32}"))
    assert made.spec_with(space_of(made).present(made)) == made.spec
    for network, options in (("cnn", {}), ("gru", {"hidden": 32})):
        note = made.spec_with({"inputs.note.network": network}).inputs["note"]
        assert isinstance(note, TextInput)
        assert (note.network, note.options) == (network, options)


@pytest.mark.parametrize("name", ["note", "options"])
def test_an_option_of_a_text_is_drawn_where_its_network_takes_it(name: str, base: Make) -> None:
    at = f"inputs.{name}"
    made = base(f"{{space: {{{at}.options.hidden: {{low: 8, high: 64}}, {at}.options.channels: [8, 16], {at}.options.layers: [1, 2]"
                f", {at}.network: [cnn, gru, transformer]}}}}", with_text("cnn, options: {channels: 24}", name))  # fmt: skip
    space = space_of(made)
    assert space.dimensions[0].key == f"{at}.network", "what decides comes first"
    assert space.present(made) == {f"{at}.network": "cnn", f"{at}.options.channels": 24}
    assert made.spec_with(space.present(made)) == made.spec
    networks = set()
    for values in (drawn(space, made, seed) for seed in range(30)):
        network = str(values[f"{at}.network"])
        networks.add(network)
        drawn_options = {key.rpartition(".")[2] for key in values} - {"network"}
        assert drawn_options == {"hidden", "channels", "layers"} & SEQUENCE_OPTIONS[network].keys()
        one = made.spec_with(values).inputs[name]
        assert isinstance(one, TextInput)
        assert {f"{at}.options.{option}": value for option, value in one.options.items()} == {
            key: value for key, value in values.items() if "options." in key.removeprefix(at)
        }
    assert networks == {"cnn", "gru", "transformer"}


def test_an_option_that_no_network_of_the_space_takes_is_said_before_any_trial(base: Make) -> None:
    made = base("{space: {inputs.note.network: [gru, lstm], inputs.note.options.kernels: [3, 5]}}", with_text("gru"))
    with pytest.raises(SpecError, match=r"inputs\.note\.options\.kernels: has no say in any trial"):
        space_of(made)
    made = base("{space: {inputs.note.network: [gru, rnn]}}", with_text("gru"))
    with pytest.raises(SpecError, match=r"inputs\.note\.network: 'rnn'"):
        space_of(made)


def test_the_network_of_one_text_decides_nothing_of_another(base: Make) -> None:
    params = with_text("gru").replace("tasks:\n", "  more: {source: people, kind: text, column: more, network: lstm}\ntasks:\n")
    made = base("{space: {inputs.note.network: [gru, cnn], inputs.more.options.hidden: [8, 16]}}", params)
    space = space_of(made)
    for values in (drawn(space, made, seed) for seed in range(10)):
        assert "inputs.more.options.hidden" in values
        made.spec_with(values)
    with pytest.raises(SpecError, match=r"inputs\.more\.options\.kernels: has no say"):
        space_of(base("{space: {inputs.note.network: [gru, cnn], inputs.more.options.kernels: [3, 5]}}", params))


def test_a_trial_is_known_by_the_options_of_a_text_too(base: Make) -> None:
    """The study's name leaves out options of a network that is varied; so the trial's own has to hold them."""
    tune, key = "{space: {inputs.note.network: [gru, cnn]}}", "inputs.note.network"
    one, other = (base(tune, with_text(f"gru, options: {{hidden: {hidden}}}")) for hidden in (16, 32))
    space, plan = space_of(one), Plan(None, 0, encodes=True, scratch="")
    assert study_key(one, space, plan, "", "") == study_key(other, space, plan, "", "")
    assert digest(one, {key: "gru"}, space) != digest(other, {key: "gru"}, space)
    assert digest(one, {key: "cnn"}, space) == digest(other, {key: "cnn"}, space)


@pytest.mark.parametrize("hidden", [8, 64])
@pytest.mark.parametrize("varied", ["inputs.note.network: [gru, cnn], ", ""])
def test_a_trial_that_is_written_is_the_spec_as_it_stands_in_the_same_study(hidden: int, varied: str, base: Make) -> None:
    tune = f"{{space: {{{varied}inputs.note.options.hidden: [8, 64], inputs.note.pooling: [max, mean], training.clip: [1, 2]}}}}"
    before, plan = base(tune, with_text("gru")), Plan(None, 0, encodes=True, scratch="")
    space = space_of(before)
    values = {**space.present(before), "inputs.note.options.hidden": hidden, "inputs.note.pooling": "mean", "training.clip": 2}
    after = Base(edited(before, values))
    assert ("hidden: 8" in after.text) == (hidden == 8), "a default need not be written"
    assert after.differing(values) == {}
    assert study_key(before, space, plan, "", "") == study_key(after, space, plan, "", "")
    assert digest(before, values, space) == digest(after, space.present(after), space)
    assert digest(before, values, space) != digest(before, space.present(before), space)


def test_a_task_may_be_called_options(base: Make) -> None:
    params = PARAMS.replace("  weight:", "  options:").replace("  lr:", "  balancing: fixed\n  lr:")
    made = base("{space: {tasks.options.weight: {low: 1, high: 2}}}", params)
    space = space_of(made)
    assert space.present(made) == {"tasks.options.weight": 1}
    assert 1 <= made.spec_with(drawn(space, made, 0)).tasks["options"].weight <= 2


def test_a_network_has_the_options_of_its_input_s_kind(base: Make) -> None:
    """`cnn` of a recording takes others than `cnn` of a text, with other defaults."""
    sound = "  call: {source: people, kind: audio, column: call, rate: 8000}\ntasks:\n"
    params = with_text("cnn").replace("tasks:\n", sound)
    keys = ("inputs.call.options.channels", "inputs.note.options.channels", "inputs.call.options.layers")
    made = base(f"{{space: {{{', '.join(f'{key}: [8, 16]' for key in keys)}, inputs.call.mels: [20, 40]}}}}", params)
    assert [made.said(key) for key in keys] == [32, 64, 3]
    assert all(has_say(key, made.said) for key in keys)
    values = drawn(space_of(made), made, 0)
    call = made.spec_with(values).inputs["call"]
    assert isinstance(call, AudioInput)
    assert (call.mels, call.options["channels"]) == (values["inputs.call.mels"], values[keys[0]])
    with pytest.raises(SpecError, match="not a key to tune"):
        space_of(base("{space: {inputs.call.options.kernels: [2, 3]}}", params))
