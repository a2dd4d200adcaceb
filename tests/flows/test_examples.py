"""Every example of `examples/`, cut to seconds: `mtl init --example` into an empty folder, then every stage in this process.

That `mtl run` and `dvc repro` walk these stages is shown by test_repro.py and tests/long.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from mtl.layout import MLFLOW
from mtl.project import init_example
from mtl.project.examples import examples, needs_of
from mtl.spec import read_spec
from tests.tiny_bert import LONGEST, tiny_bert

from .conftest import AFTER, ROOT, tried_in_this_process

SHARED = ROOT.parent / "shared/data"
OWN = [name for name in examples(ROOT) if (ROOT / "examples" / name / "params.yaml").is_file()]
"""The examples with a spec of their own; the project in the root is run by tests/long/test_first_run.py."""
ROWS, MANY, ROUNDS = 500, {"characters": 1000}, 3
"""Of every table; of those with too many classes for so few; of boosted trees, which on a thousand bits take most of the time."""
SMALL = {
    "model": {"width": 16, "members": 2, "auto": {"budget": 2}}, "training": {"max_epochs": 1}, "evaluation": {"resamples": 100},
    "encoding": {"on_unfit": "drop"},
}  # fmt: skip
FRESH = ("language", "speech_and_image")
"""Loaded in a fresh process: what others need of a package is among what these two do."""


def begun(name: str, target: Path) -> Path:
    """The example in the new folder `target`, every table and the training cut small; skips where its data are not at hand."""
    needs = needs_of(ROOT / "examples" / name)
    if needs is not None and not all(list(SHARED.glob(f"*/{file}")) for file in needs.files):
        pytest.skip(f"the data of {name} are not in {SHARED}: {', '.join(needs.files)}")
    init_example(target, name, None if needs is None else SHARED)
    for source in read_spec(target / "params.yaml").sources.values():
        table = pl.read_parquet(target / source.path)
        table.gather_every(max(1, table.height // MANY.get(name, ROWS))).write_parquet(target / source.path)
    yaml = YAML()
    spec = yaml.load(target / "params.yaml")
    for section, changes in SMALL.items():
        spec[section].update(changes)
    for one in spec["inputs"].values():
        if "model" in one:  # an encoder that comes trained: here a small one that does not
            tiny_bert(target / "models/tiny", ["the", "a", "good", "play"])
            one.update(model="models/tiny", max_tokens=LONGEST)
    yaml.dump(spec, target / "params.yaml")
    return target


def tasks_of(project: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "reports/metrics.json").read_text())["tasks"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_an_example_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Callable[..., str], bare_registry: Path
) -> None:
    project = begun(name, tmp_path / name)
    monkeypatch.chdir(project)
    shutil.copyfile(bare_registry / MLFLOW, MLFLOW)
    if name not in FRESH:
        monkeypatch.setattr("mtl.registry.register.golden_trial", tried_in_this_process)
    from sklearn.ensemble import HistGradientBoostingClassifier  # late: it takes seconds

    few = partial(HistGradientBoostingClassifier, max_iter=ROUNDS)
    monkeypatch.setattr("sklearn.ensemble.HistGradientBoostingClassifier", few)
    monkeypatch.setattr("mtl.evaluation.cost.ENOUGH", 1e-9)  # one look at how long a prediction takes
    spec = read_spec()
    for source in spec.sources:
        stage("ingest", source)
        stage("validate", source)
    for one in AFTER:
        stage(one)
    assert set(tasks_of(project)) == set(spec.tasks)
    assert (project / "reports/report.html").is_file()


def test_the_readme_of_an_example_shows_the_tasks_of_its_spec() -> None:
    for name in OWN:
        folder = ROOT / "examples" / name
        told = (folder / "README.md").read_text(encoding="utf-8").split("<!-- results -->")[1].split("<!-- /results -->")[0]
        head, _, *rows = [line.split("|")[1].strip() for line in told.splitlines() if line.startswith("| ")]
        assert [head, *rows] == ["task", *read_spec(folder / "params.yaml").tasks, "mean (`delta_m`)"], name
