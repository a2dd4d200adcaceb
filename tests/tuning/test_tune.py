"""The verb as a whole: real fits in real processes, MLflow, folds, encoding anew, and params.yaml at the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from mtl.choosing.choice import Choice
from mtl.data.encodings import Encodings
from mtl.errors import DataError, TrainingError
from mtl.files import write_json
from mtl.layout import ALIGNED, CHOICE, SPLIT, TUNING, VALIDATED
from mtl.registry.store import experiment, open_store
from mtl.registry.trials import NOTE, PARENT, STUDY, TRIAL
from mtl.tuning import pool, tune
from mtl.tuning.base import Base
from mtl.tuning.data import Plan, choice_of
from mtl.tuning.measure import Measured, measure
from mtl.tuning.tune import Asked

FAKE = Path(__file__).with_name("fake_worker.py")
SPACE = "{trials: 3, space: {model.width: [8, 40], training.lr: {low: 1.0e-3, high: 1.0e-2}}}"


@pytest.fixture(autouse=True)
def _same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever edits the code while tests run makes another study of it."""
    monkeypatch.setattr(tune, "code_key", lambda encodes: "this code")


def with_tune(section: str) -> None:
    params = Path("params.yaml")
    params.write_text(params.read_text().partition("tune:")[0] + f"tune: {section}\n")


def runs() -> list[Any]:
    store = open_store(Path(), "small")
    return list(store.client.search_runs([experiment(store)], order_by=["attributes.start_time ASC"]))


def measured(
    folds: int | None = None, values: dict[str, Any] | None = None, encodes: bool | None = None, scratch: str | None = None
) -> Measured:
    encodes = folds is not None if encodes is None else encodes
    plan = Plan(folds, 0, encodes, str(TUNING / "scratch") if scratch is None else scratch)
    return measure(Base.read().spec_with(values or {}), plan, lambda *_: None)


@pytest.mark.slow
def test_from_nothing_to_a_better_spec_and_on(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Real workers; then the same again, with more trials, written to params.yaml, and with nothing left to do."""
    with_tune(SPACE)
    before = Path("params.yaml").read_text()
    assert tune.tune(Asked())
    said = capsys.readouterr().out.splitlines()
    first = "tune: 3 trials over 2 keys; score: mean over 2 tasks of valid loss ÷ the best constant's (1: guessing), on the"
    assert said[0].startswith(first)
    assert said[1:3] == ["  model.width  8, 40", "  training.lr  0.001 … 0.01"]
    assert said[3].startswith("trial 0: 0.")
    assert Path("params.yaml").read_text() == before, "nothing is written unless asked for"
    shutil.rmtree(ALIGNED / "test")  # nothing of it is read

    with_tune(SPACE.replace("3", "5", 1))
    assert tune.tune(Asked(apply=True))
    again = capsys.readouterr().out
    assert "already 3 of 5 trials" in again
    assert "trial 3: " in again
    assert "trial 2: " not in again
    assert len(runs()) == 6, "the study and its trials, none twice"
    assert not [path for path in TUNING.iterdir() if path.is_dir()], "no scratch is left"

    assert tune.tune(Asked())
    assert "already 5 of 5 trials" in capsys.readouterr().out
    assert len(runs()) == 6


@pytest.fixture
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "COMMAND", [sys.executable, str(FAKE)])


@pytest.mark.usefixtures("_fake")
def test_the_best_spec_is_a_diff_and_is_written_when_asked(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_tune("{trials: 4, space: {model.width: [40]}}")
    before = Path("params.yaml").read_text()
    tune.tune(Asked())
    said = capsys.readouterr().out
    assert "best of 4: trial" in said
    assert "with 0.5000; the spec as it stands has 0.7400: 32.43% lower" in said
    assert "  valid loss: " in said
    assert "weight -32.4%" in said
    assert "-model: {width: 16, depth: 2, dropout: 0.1}   # small\n+model: {width: 40, depth: 2, dropout: 0.1}   # small\n" in said
    assert "`mtl tune --apply` writes this" in said
    diff = said[said.index("--- a/params.yaml") : said.index("`mtl tune --apply`")]
    tune.tune(Asked(apply=True))
    assert "written to params.yaml" in capsys.readouterr().out
    after = Path("params.yaml").read_text()
    assert after == before.replace("width: 16", "width: 40")
    Path("params.yaml").write_text(before)
    subprocess.run(["git", "apply", "--unsafe-paths", "-"], input=diff, text=True, check=True)
    assert Path("params.yaml").read_text() == after
    tune.tune(Asked())
    said = capsys.readouterr().out
    assert "already 4 of 4 trials" in said, "the best spec is one of the study's own"
    assert "beats the spec as it stands (0.5000): nothing to change" in said


@pytest.mark.usefixtures("_fake")
def test_trials_stand_in_mlflow_once_each(workspace: Path) -> None:
    with_tune("{trials: 5, space: {model.width: [15, 30, 40, 90], training.lr: [0.01, 0.02]}}")
    tune.tune(Asked())
    found = runs()
    parent = next(one for one in found if TRIAL not in one.data.tags)
    trials = sorted((one for one in found if TRIAL in one.data.tags), key=lambda one: int(one.data.tags[TRIAL]))
    assert len(found) == 6
    assert {one.data.tags[STUDY] for one in found} == {parent.data.tags[STUDY]}
    assert all(one.data.tags[PARENT] == parent.info.run_id for one in trials)
    assert all(one.info.status == "FINISHED" for one in found)
    assert trials[0].data.params == {"model.width": "16", "training.lr": "0.01"}
    assert trials[0].data.metrics["score"] == pytest.approx(0.74)
    assert trials[0].data.metrics["ill/valid_loss"] == pytest.approx(0.37)
    assert "```diff" in parent.data.tags[NOTE]
    assert parent.data.metrics["present_score"] == pytest.approx(0.74)

    store = open_store(Path(), "small")  # as if the process had been killed while it wrote a trial, and before another
    store.client.delete_run(trials[3].info.run_id)
    store.client.update_run(trials[4].info.run_id, "RUNNING")
    tune.tune(Asked())
    again = sorted(int(one.data.tags[TRIAL]) for one in runs() if TRIAL in one.data.tags)
    assert again == [0, 1, 2, 3, 4]
    assert all(one.info.status == "FINISHED" for one in runs())


@pytest.mark.usefixtures("_fake")
def test_a_fresh_search_forgets_and_is_another_study(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_tune("{trials: 2, space: {model.width: [30]}}")
    for fresh in (False, False, True):
        tune.tune(Asked(fresh=fresh))
    said = capsys.readouterr().out
    assert said.count("already 2 of 2 trials") == 1
    assert said.count("trial 0: ") == 2
    assert "a new study" not in said
    with_tune("{trials: 1, space: {model.width: [31]}}")
    tune.tune(Asked())
    assert "a new study: data, code, space or the rest of the spec" in capsys.readouterr().out
    assert len(runs()) == 8


@pytest.mark.usefixtures("_fake")
def test_a_spec_that_fails_is_told_and_nothing_is_written(workspace: Path) -> None:
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("width: 16", "width: 15"))
    with_tune("{trials: 4, space: {model.width: [30, 40]}}")
    with pytest.raises(TrainingError, match="a finite number"):
        tune.tune(Asked(apply=True))


def test_a_score_is_what_early_stopping_reads(workspace: Path) -> None:
    from mtl.data.aligned import AlignedSet
    from mtl.training.fit import fit

    spec = Base.read().spec
    epochs: list[Any] = []
    sides = [AlignedSet.read(ALIGNED / side) for side in ("train", "valid")]
    fit(Encodings.read(Path("models/encodings")), *sides, spec.model, spec.training, progress=epochs.append)
    found = measured()
    assert found.score == pytest.approx(min(one.score for one in epochs), rel=1e-9)
    assert found.score == measured().score
    assert set(found.losses) == {"weight", "ill"}
    assert 0 < found.score < 1


@pytest.mark.parametrize("folds", [None, 2])
def test_nothing_of_test_is_read(folds: int | None, workspace: Path) -> None:
    """With its rows gone, or turned into nonsense, every bit of the score stays."""
    before = measured(folds, encodes=True)
    shutil.rmtree(TUNING / "scratch")
    shutil.rmtree(ALIGNED / "test")
    test = pl.read_parquet(SPLIT).filter(pl.col("split") == "test")["key"].implode()
    file = VALIDATED / "people" / "part-0000.parquet"
    is_test = pl.col("id").is_in(test)
    frame = pl.read_parquet(file)
    nonsense = {"age": pl.lit(1e6), "weight": pl.lit(-1e6), "ill": pl.lit("no"), "city": pl.lit("atlantis")}
    frame.with_columns(
        pl.when(is_test).then(new).otherwise(pl.col(name)).alias(name) for name, new in nonsense.items()
    ).write_parquet(file)
    after = measured(folds, encodes=True)
    assert (after.score, after.parts, after.losses) == (before.score, before.parts, before.losses)


def test_encoding_anew_gives_what_the_stages_gave(workspace: Path) -> None:
    assert measured(encodes=True).score == measured(encodes=False).score


def test_folds_fit_their_own_encodings(workspace: Path) -> None:
    found = measured(3)
    assert len(found.parts) == 3
    assert found.score == pytest.approx(sum(found.parts) / 3)
    made = [Encodings.read(path / "encodings") for path in (TUNING / "scratch").iterdir() if path.is_dir()]
    means = {one.inputs["facts"].numeric[0].mean for one in made}
    assert len(means) == 3, "each is fitted on its own train rows"
    assert {path.name for path in next(p for p in (TUNING / "scratch").iterdir() if p.is_dir()).iterdir()} >= {"train", "valid"}
    assert not list((TUNING / "scratch").rglob("test"))


def test_a_key_before_the_aligned_set_is_tuned_by_encoding_anew(workspace: Path) -> None:
    assert measured(encodes=True, values={"inputs.facts.embedding": 7}).parameters != measured(encodes=True).parameters
    few = measured(encodes=True, values={"encoding.select": 1})
    assert few.parameters < measured().parameters


def test_weights_of_tasks_need_no_new_encoding(workspace: Path) -> None:
    one = measured(values={"training.balancing": "fixed", "tasks.ill.weight": 5.0})
    other = measured(values={"training.balancing": "fixed", "tasks.ill.weight": 0.2})
    assert one.score != other.score


def test_with_sharing_auto_trials_share_as_was_decided(workspace: Path) -> None:
    params = Path("params.yaml").read_text()
    alone = measured(values={"model.groups": [["weight"], ["ill"]]})
    Path("params.yaml").write_text(params.replace("width: 16", "sharing: auto, width: 16"))
    with pytest.raises(DataError, match="dvc repro choose"):
        choice_of(Base.read().spec)
    write_json(CHOICE, Choice("auto", "shared_bottom", (("weight",), ("ill",)), tasks=("weight", "ill")).as_json())
    choice = choice_of(Base.read().spec)
    plan = Plan(None, 0, False, "", choice)
    found = measure(Base.read().spec, plan, lambda *_: None)
    assert (found.score, found.losses) == (alone.score, alone.losses)
    other = measure(Base.read().spec_with({"model.sharing": "shared_bottom"}), plan, lambda *_: None)
    assert other.score == measured(values={"model.sharing": "shared_bottom"}).score != found.score


def test_trials_that_differ_in_sharing_have_the_same_teachers_trained_once(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And are what they would be had each trained its own."""
    taught: dict[str, Any] = {"training.distillation": {"weight": 2.0}}
    ways = [taught, {**taught, "model.sharing": "hybrid"}]
    own = [measured(values=values, scratch="").score for values in ways]
    trained: list[str | None] = []
    module = sys.modules["mtl.training.fit"]  # the package's attribute of this name is the function
    monkeypatch.setattr(module, "fit", _noting(module.fit, trained))
    assert [measured(values=values).score for values in ways] == own
    assert trained == ["separate", None, None]
    other = measured(values={**taught, "training.lr": 0.003})
    assert trained[3:] == ["separate", None], "another rate, other teachers"
    assert other.score not in own


def _noting(fit: Any, trained: list[str | None]) -> Any:
    def noted(*given: Any, **more: Any) -> Any:
        trained.append(more.get("sharing"))
        return fit(*given, **more)

    return noted


def test_optuna_opens_no_connection_and_nothing_heavy_is_loaded_for_help() -> None:
    code = (
        "import sys, socket\n"
        "def no(*_, **__): raise AssertionError('a connection')\n"
        "socket.socket.connect = no\n"
        "from mtl.cli import main\n"
        "sys.argv = ['mtl', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('optuna', 'torch', 'polars', 'sqlalchemy', 'ruamel') if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "tune" in done.stdout
