"""What DVC says of a pipeline: order, needs, staleness."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtl.errors import MtlError
from mtl.orchestration.graph import Plan, is_stale, read_plan
from mtl.orchestration.stage import run_stage

from .conftest import DVC_YAML, STAGES

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # pygtrie's, called by DVC


def test_the_plan_of_a_fresh_project(toy: Path) -> None:
    plan = read_plan(toy)
    assert set(plan.needs) == set(STAGES) == plan.stale
    order = list(plan.needs)
    assert all(order.index(need) < order.index(stage) for stage, needs in plan.needs.items() for need in needs)
    assert plan.needs["split"] == ["ingest@labs", "ingest@people"]


def test_only_what_changed_is_stale(toy: Path) -> None:
    for stage in ("ingest@people", "ingest@labs"):
        assert run_stage(toy, stage).what == "ran"
    assert read_plan(toy).stale == {"split", "train", "trees"}
    (toy / "labs.csv").write_text("other\n")
    assert read_plan(toy, ["ingest"]).stale == {"ingest@labs"}
    assert is_stale(toy, "ingest@labs")
    assert not is_stale(toy, "ingest@people")


def test_targets_bring_what_they_need_and_no_more(toy: Path) -> None:
    assert set(read_plan(toy, ["split"]).needs) == {"ingest@people", "ingest@labs", "split"}
    assert set(read_plan(toy, ["ingest"]).needs) == {"ingest@people", "ingest@labs"}
    with pytest.raises(MtlError, match="unknown stage 'tain'"):
        read_plan(toy, ["tain"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: [", "dvc.yaml"),
        (DVC_YAML.replace("cmd:", "cmt:"), "dvc.yaml"),
        (DVC_YAML.replace("${item.path}", "${item.no}"), "no"),
    ],
)
def test_a_pipeline_that_dvc_cannot_read_is_one_message(toy: Path, text: str, said: str) -> None:
    (toy / "dvc.yaml").write_text(text)
    with pytest.raises(MtlError, match="DVC cannot read the pipeline") as error:
        read_plan(toy)
    assert said in str(error.value)


def test_asking_dvc_draws_no_bars_over_our_lines(
    toy: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """On a terminal DVC draws a bar for every folder it hashes; the variable makes it take anything for a terminal."""
    monkeypatch.setenv("DVC_IGNORE_ISATTY", "1")
    (toy / "folder").mkdir()
    for name in "abc":
        (toy / "folder" / name).write_text(name)
    (toy / "dvc.yaml").write_text("stages: {one: {cmd: 'true', deps: [folder]}}")
    run_stage(toy, "one")
    capfd.readouterr()
    (toy / "folder/a").write_text("changed")
    assert is_stale(toy, "one")
    assert read_plan(toy).stale == {"one"}
    assert capfd.readouterr() == ("", "")


def test_downstream_and_upstream() -> None:
    plan = Plan({"a": [], "b": ["a"], "c": ["b"], "d": ["a"]}, frozenset())
    assert plan.downstream({"b"}) == {"c"}
    assert plan.downstream({"a"}) == {"b", "c", "d"}
    assert plan.upstream({"c"}) == {"a", "b"}
