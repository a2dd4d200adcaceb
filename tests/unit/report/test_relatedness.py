"""Relatedness and choice on the page: pictures bounded, sentences right, nothing made up where nothing was measured."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

from mtl.report.pictures.heat import MOST_NAMED, heat_map, shade
from mtl.report.reading import read_findings
from mtl.report.sections import choice, relatedness
from mtl.spec import Spec

Make = Callable[..., Spec]
Matrix = list[list[float | None]]


@pytest.mark.parametrize("count", [1, 2, 12, MOST_NAMED, MOST_NAMED + 1, 139])
def test_a_heat_map_holds_every_cell_in_its_box(count: int) -> None:
    random = np.random.default_rng(count)
    values = [[None if random.random() < 0.1 else float(v) for v in row] for row in random.normal(size=(count, count))]
    names = [f"<task {i} & more>" for i in range(count)]
    svg = heat_map("a map", names, values, 1.0, lambda v: f"{v:.2f}", "{row} on {column}: {value}")
    root = ElementTree.fromstring(svg)
    _, _, width, height = (float(v) for v in root.get("viewBox", "").split())
    rects = [shape for shape in root.iter() if shape.tag == "rect"]
    if count <= MOST_NAMED:
        assert len(rects) == count**2
        assert all(float(r.get("x", -1)) >= 0 and float(r.get("x", 0)) + float(r.get("width", 0)) <= width + 0.5 for r in rects)
        assert sum(1 for t in root.iter("title") if "never meet" in (t.text or "")) == sum(v is None for row in values for v in row)
        return
    assert not rects
    lines = [line for path in root.iter("path") for line in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)", path.get("d", ""))]
    cell = width / count
    assert sum(round(float(length) / cell) for _, _, length in lines) == count**2
    assert all(float(x) + float(length) <= width + 0.5 and float(y) <= height for x, y, length in lines)
    assert len(svg) < 400_000


def test_shades_are_symmetric_and_saturate() -> None:
    assert [shade(v, 1.0) for v in (-9, -1, -0.5, -0.1, 0, 0.1, 0.5, 1, 9)] == [
        "n4", "n4", "n2", "zero-cell", "zero-cell", "zero-cell", "p2", "p4", "p4",
    ]  # fmt: skip
    assert shade(None, 1.0) == shade(float("nan"), 1.0) == "none"
    assert shade(1.0, 0.0) == "zero-cell"


def small(root: Path, cosine: Matrix, conflicts: Matrix, affinity: Matrix) -> None:
    found = {"tasks": ["a", "b", "c"], "at": "parameters", "steps": 3, "points": 2, "norms": [1.0, None, 2.0]}
    folder = root / "reports/training/candidate"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "relatedness.json").write_text(json.dumps({**found, "cosine": cosine, "conflicts": conflicts, "affinity": affinity}))


def test_the_text_names_who_helps_and_who_fights(tmp_path: Path, workspace: Make) -> None:
    spec = workspace(tmp_path / "other")
    cosine = [[1.0, 0.4, -0.3], [0.4, 1.0, None], [-0.3, None, 1.0]]
    conflicts = [[0.0, 0.1, 0.8], [0.1, 0.0, None], [0.8, None, 0.0]]
    affinity = [[0.03, 0.02, -0.01], [0.001, 0.04, None], [0.0, None, 0.05]]
    small(tmp_path, cosine, conflicts, affinity)
    told = relatedness.context(read_findings(tmp_path, []), spec)
    assert isinstance(told, dict)
    text = " ".join(told["told"])
    assert "a step on a lowers the loss of b by 2.00 %" in text
    assert "a step on a raises that of c by 1.00 %" in text
    assert "1 of 3 pairs fight" in text
    assert "a and c (cosine −0.30, in 80 % of steps)" in text
    assert [row["task"] for row in told["norms"]] == ["c", "a"]
    assert [(row["one"], row["other"]) for row in told["pairs"]] == [("a", "c"), ("a", "b")]


def test_where_no_two_tasks_met_the_section_stands_without_pictures(tmp_path: Path, workspace: Make) -> None:
    nothing: Matrix = [[1.0 if i == j else None for j in range(3)] for i in range(3)]
    small(tmp_path, nothing, nothing, nothing)
    told = relatedness.context(read_findings(tmp_path, []), workspace(tmp_path / "other"))
    assert isinstance(told, dict)
    assert (told["charts"], told["pairs"], told["told"]) == ([], [], [])


def test_without_a_measurement_a_line_says_why(tmp_path: Path, workspace: Make) -> None:
    spec = workspace(tmp_path / "other")
    empty = read_findings(tmp_path, [])
    assert "nothing to compare" in str(relatedness.context(empty, spec))
    assert "choose has not run" in str(choice.context(empty, spec))


def test_alternatives_are_told_in_words() -> None:
    tasks = ["a", "b", "c", "d"]
    plain = {"sharing": "shared_bottom", "groups": None, "weights": {}, "alone": []}
    assert choice.described(plain, tasks) == "all together, shared bottom"
    assert choice.described(plain | {"heavier": ["d"]}, tasks) == "all together, shared bottom, heavier loss for d"
    assert choice.described(plain | {"alone": tasks}, tasks) == "each task alone"
    one = plain | {"groups": [["a", "b", "c"], ["d"]], "alone": ["d"]}
    assert choice.described(one, tasks) == "d alone, the other 3 tasks together"
    two = plain | {"groups": [["a", "b"], ["c", "d"]]}
    assert choice.described(two, tasks) == "groups: a, b | c, d"


def test_the_choice_stands_on_the_page_with_what_was_tried(nhanes: str) -> None:
    part = nhanes[nhanes.index('<section id="choice"') :]
    part = part[: part.index("</section>")]
    assert "✓ chosen" in part
    assert "each task alone" in part
    assert "12 of 16 trainings were spent" in part
    assert part.count("guilty") == 1


def test_all_together_is_told_of_the_plain_alternative_not_of_the_one_with_heavier_losses() -> None:
    def alternative(gain: float, **more: object) -> dict[str, object]:
        plain = {"sharing": "shared_bottom", "groups": None, "networks": 1, "alone": [], "hurt": [], "heavier": []}
        return plain | {"score": gain, "error": 0.1, "tasks": {"a": {"value": gain, "error": 0.1}}} | more

    tried = [alternative(-3.0, hurt=["a"]), alternative(2.0, heavier=["a"], chosen=True), alternative(3.0, sharing="mmoe")]
    findings = SimpleNamespace(choice={"asked": "auto", "tasks": ["a"], "alternatives": tried}, anchor=lambda name: name)
    (row,) = choice.context(findings, SimpleNamespace())["tasks"]
    assert row["together"].startswith("−3.0")
    assert row["chosen"].startswith("+2.0")
    assert row["hurt"]
