"""`mtl compare A B` and `mtl champion`: figures that a person reads before a rollback, and after it."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mtl import layout
from mtl.data.aligned import AlignedSet
from mtl.data.encodings import Encodings
from mtl.errors import DataError, RegistryError
from mtl.files import write_json
from mtl.registry.champion import champion_lines
from mtl.registry.compare import compare_lines, compare_versions, differing
from mtl.registry.package import read_package
from mtl.registry.store import open_store
from mtl.registry.verbs import version_folder
from mtl.registry.versions import read_registered
from mtl.registry.versus import versus
from tests.flows.registry.conftest import ENCODINGS, PACKED, SEEN, TEST, pack, raw_rows


@pytest.fixture
def two(with_champion):
    """Version 1 is the model of seed 2, version 2 the better one of seed 1; the workspace has its encodings."""
    assert with_champion.register().version == 2
    (with_champion.root / layout.ENCODINGS).mkdir(parents=True)
    ENCODINGS.write(with_champion.root / layout.ENCODINGS)
    return with_champion


def test_the_second_is_judged_against_the_first_and_the_other_way_round(two):
    there = compare_versions(two.root, two.spec, 1, "champion", raw_rows)
    back = compare_versions(two.root, two.spec, "v2", "1", raw_rows)
    assert (there.old, there.new, there.rows) == (1, 2, TEST.height)
    assert {one.task: one.verdict for one in there.tasks} == {"height": "better", "asthma": "better"}
    assert {one.task: one.verdict for one in back.tasks} == {"height": "worse", "asthma": "worse"}
    for one, other in zip(there.tasks, back.tasks, strict=True):
        assert (one.old, one.new) == (other.new, other.old)
        assert (one.diff, one.low, one.high) == pytest.approx((-other.diff, -other.high, -other.low))
        assert one.low < one.diff < one.high


def test_it_is_printed_as_a_table_with_what_differs_in_the_spec(two):
    root, (old, new) = two.root, (version_folder(open_store(two.root, "people_model"), number) for number in (1, 2))
    text = (old / "params.yaml").read_text()
    (new / "params.yaml").write_text(text.replace("width: 8", "width: 16").replace("gate: {}", "gate: {floors: {asthma: 0.5}}"))
    lines = compare_lines(root, "1", "2", raw_rows)
    assert lines[0] == "people_model: version 2 against version 1, on the 160 test rows that neither was trained on"
    assert " ".join(lines[1].split()) == "task metric version 1 version 2 difference interval verdict on 2"
    assert lines[2].startswith("height")
    assert lines[-3] == "params.yaml, version 1 → version 2:"
    assert lines[-2:] == ["  model.width: 8 → 16", "  gate.floors: nothing → {'asthma': 0.5}"]
    assert compare_lines(root, "1", "1", raw_rows)[-1] == "params.yaml is the same in both"


@pytest.fixture
def sides(template, two):
    return AlignedSet.read(template / layout.ALIGNED / "test"), two.spec


def other(tmp_path, spec, encodings: Encodings = ENCODINGS, seen: pl.DataFrame = SEEN):
    return pack(tmp_path / "other", spec, 2, encodings, seen)


def test_rows_that_either_was_trained_on_are_left_out(sides, tmp_path):
    test, spec = sides
    seen = pl.concat([SEEN, TEST.head(100)])
    trained = other(tmp_path, spec, seen=seen)
    for pair in ((trained, read_package(PACKED[1])), (read_package(PACKED[1]), trained)):
        many, told = versus(spec, test, ENCODINGS.tasks, *pair, raw_rows)
        assert many == TEST.height - 100
        assert all(one.diff is not None for one in told)
    most = pack(tmp_path / "most", spec, 2, seen=pl.concat([SEEN, TEST.head(TEST.height - 29)]))
    _, told = versus(spec, test, ENCODINGS.tasks, most, read_package(PACKED[1]), raw_rows)
    assert {one.reason for one in told} == {"29 labels on the rows that neither was trained on; 30 are needed"}


def test_each_has_encodings_of_its_own_and_the_truth_is_the_workspaces(sides, tmp_path):
    """A version whose heights were scaled otherwise predicts in centimetres all the same."""
    test, spec = sides
    scaled = Encodings(ENCODINGS.inputs, (replace(ENCODINGS.tasks[0], mean=160, std=20), ENCODINGS.tasks[1]))
    model = other(tmp_path, spec, scaled)
    _, told = versus(spec, test, ENCODINGS.tasks, model, read_package(PACKED[1]), raw_rows)
    heights = model.predictions(TEST)["height"]
    truth = test.truth(ENCODINGS.tasks)["height"]
    assert told[0].old == pytest.approx(1 - np.mean((heights - truth) ** 2) / truth.var())
    assert told[0].new > 0.9


def test_what_cannot_be_compared_says_why(sides, tmp_path):
    test, spec = sides
    height, asthma = ENCODINGS.tasks
    inches = Encodings(ENCODINGS.inputs, (replace(height, unit="in"), replace(asthma, name="cough", of="cough")))
    _, told = versus(spec, test, ENCODINGS.tasks, other(tmp_path, spec, inches), read_package(PACKED[1]), raw_rows)
    assert {one.task: (one.verdict, one.reason) for one in told} == {
        "height": ("cannot tell", "the first's unit of it is 'in', the workspace's 'cm'"),
        "asthma": ("cannot tell", "the first has no such task"),
        "cough": ("cannot tell", "the workspace has no such task"),
    }
    _, told = versus(spec, test, ENCODINGS.tasks, *[read_package(PACKED[1])] * 2, _no_column)
    assert {one.reason for one in told} == {"the first reads columns that the validated tables no longer have"}


def _no_column(*_):
    raise KeyError("age")


def test_without_test_rows_or_such_a_version_it_says_so(two):
    with pytest.raises(RegistryError, match="no such version"):
        compare_versions(two.root, two.spec, 1, 9, raw_rows)
    shutil.rmtree(two.root / layout.ALIGNED)
    with pytest.raises(DataError, match="the test rows of this workspace"):
        compare_versions(two.root, two.spec, 1, 2, raw_rows)


def test_a_version_whose_weights_are_gone_says_so(two):
    folder = version_folder(open_store(two.root, "people_model"), 1)
    (folder / "data/candidate/model.safetensors").unlink()
    with pytest.raises(RegistryError, match="version 1 of 'people_model' cannot be asked"):
        compare_versions(two.root, two.spec, 1, 2, raw_rows)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a.c": ("2", "3")}),
        ({"a": None}, {"b": [1]}, {"b": ("nothing", "[1]")}),
        ({"a": "x" * 99}, {}, {"a": ("x" * 60 + "…", "nothing")}),
    ],
)  # fmt: skip
def test_differences_of_two_specs(old, new, found):
    assert differing(old, new) == found


def test_differences_tell_no_password():
    secret, longer = "postgresql://me:s3cret@host/x", "postgresql://me:s3cret/2@host/x"
    old = {"sources": {"v": {"url": secret}, "w": {"url": "env:W"}}, "operations": {"services": {"mlflow": {"store": secret}}}}
    new = {
        "sources": {"v": {"url": longer}, "w": {"url": f"{secret}?password=s3cret"}, "z": {"url": secret}},
        "operations": {"services": {"prefect": {"store": secret}}, "notify": [{"webhook": "https://s3cret"}, {"webhook": "env:H"}]},
    }  # fmt: skip
    for pair in ((old, new), (new, old), (old, {}), ({}, new)):
        assert "s3cret" not in str(differing(*pair))
    said = differing(old, new)
    assert said["sources.v.url"] == ("postgresql://me:***@host/x",) * 2
    assert said["sources.w.url"][0] == "env:W"
    assert "env:H" in said["operations.notify"][1]


def test_the_champion_tells_since_when_how_good_and_where_from(with_champion, monkeypatch):
    monkeypatch.setenv("MTL_FLOW_RUN", "brave-fox")
    counts = {"rows_in": 1012, "rows_kept": 1010, "rows_quarantined": 2, "labels": {"asthma": {"quarantined": 7}}}
    write_json(with_champion.root / layout.VALIDATION / "people.json", counts)
    with_champion.register()
    lines = champion_lines(with_champion.root)
    assert lines[0].startswith("people_model: version 2 is champion since 20")
    assert lines[0].endswith("UTC, in place of version 1")
    assert lines[3].split() == ["asthma", "auc", "0.71", "0.69", "no", "worse"]
    assert lines[4].startswith("from: flow run brave-fox; registered 20")
    assert lines[5] == "data: people 1,010 rows, 2 in quarantine, md5 01234567"
    version = read_registered(with_champion.root, with_champion.spec).version(2)
    assert version.sources["people"]["labels_quarantined"] == 7


def test_a_version_from_before_figures_were_kept_tells_what_its_profiles_do(with_champion):
    (version_folder(open_store(with_champion.root, "people_model"), 1) / "figures.json").unlink()
    version = read_registered(with_champion.root, with_champion.spec).version(1)
    assert version.sources == {"people": {"rows_kept": 3}}
    assert champion_lines(with_champion.root)[-1] == "data: people 3 rows, md5 01234567"


def test_without_a_champion_it_says_so(workspace):
    assert champion_lines(workspace.root) == ["people_model: no champion; nothing was registered yet, `mtl run` does it"]
    workspace.gate(floors={"asthma": 0.99})
    workspace.register()
    assert "version 1 is the last one that was registered" in champion_lines(workspace.root)[0]
    (workspace.root / "mlflow.db").unlink()
    assert "nothing was registered yet" in champion_lines(workspace.root)[0]
    assert not (workspace.root / "mlflow.db").exists()


def test_files_that_are_gone_leave_gaps(with_champion):
    shutil.rmtree(with_champion.root / "mlruns")
    lines = champion_lines(with_champion.root)
    assert lines[1:] == [
        "its metrics are gone: the files of its run are not there", lines[2], "data: not known",
    ]  # fmt: skip
