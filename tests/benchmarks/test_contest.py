"""The harness of the benchmarks: pairs, ratios, processes that die, sections of the file; and once the real thing, tiny."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _benchmarks_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules workers can import, as entrants that need nothing."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (tmp_path / "busy.py").write_text(
        "import time\n"
        "print('libraries print')\n"
        "def start(question):\n"
        "    def work():\n"
        "        print('and so do rounds')\n"
        "        until = time.process_time() + question['seconds']\n"
        "        while time.process_time() < until: pass\n"
        "        return question['seconds']\n"
        "    return work\n"
    )
    (tmp_path / "dies.py").write_text("def start(question):\n    raise ValueError('no such device')\n")
    return tmp_path


def test_a_contest_reports_ratios_of_pairs_and_a_baseline_beside_itself(workers: Path) -> None:
    from benchmarks.contest import Entrant, contest

    once, thrice = (Entrant(str(n), "busy", {"seconds": 0.05 * n}) for n in (1, 3))
    baseline, other = contest(once, [thrice], rounds=2)
    assert len(baseline.ratios()) == len(other.ratios()) == 2
    assert 0.7 < baseline.ratio() < 1.4
    assert 2.2 < other.ratio() < 3.8
    assert [answer["said"] for answer in other.answers] == [0.05 * 3] * 2
    assert other.peak_mib > 1


def test_whoever_dies_says_why_and_the_others_go_on(workers: Path) -> None:
    from benchmarks.contest import Entrant, contest

    asked = {"seconds": 0.01}
    others = [
        Entrant("dead", "dies", {}),
        Entrant("absent", "busy", asked, peer="nobody"),
        Entrant("well", "busy", asked, fresh=True),
    ]
    _, dead, absent, well = contest(Entrant("baseline", "busy", asked), others, rounds=1)
    assert dead.error == "ValueError: no such device"
    assert "peers/install nobody" in (absent.error or "")
    assert well.error is None
    assert well.answers[0]["total_cpu"] >= well.answers[0]["cpu"]


def test_a_section_replaces_itself_and_leaves_the_rest(tmp_path: Path) -> None:
    from benchmarks.results import Section, write

    file = tmp_path / "RESULTS.md"
    write(Section("a", "First", "make a", "one"), file)
    file.write_text(file.read_text() + "\nWords of somebody else.\n")
    write(Section("b", "Second", "make b", "two"), file)
    write(Section("a", "First", "make a", "three \\1"), file)
    text = file.read_text()
    assert "one" not in text
    assert text.index("three \\1") < text.index("somebody else") < text.index("two")
    assert text.count("<!-- end of a -->") == 1


def test_the_speed_table_knows_every_balancing_and_its_goal() -> None:
    from benchmarks.speed.table import rows
    from mtl.balancing import BALANCINGS
    from mtl.spec.options import ON_GRADIENTS

    lines = {(row.method, row.name): row for row in rows()}
    assert {method for method, name in lines if name.startswith("mtl")} == set(BALANCINGS)
    for method in ON_GRADIENTS:
        assert lines[method, f"mtl {method}, representation"].goals[64] == 3.0
        assert lines[method, f"mtl {method}, parameters"].tasks == (4, 16)


def test_a_tiny_run_writes_a_well_formed_section(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    command = [sys.executable, "-m", "benchmarks", "--tiny", "speed", "--into", str(file)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    text = file.read_text()
    table = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert text.startswith("# Results")
    assert "<!-- end of speed -->" in text
    assert "`python -m benchmarks speed --tiny`" in text
    assert any(cells[0] == "| mtl equal" and "·" in cells[1] for cells in table)
    assert all(len(cells) == len(table[0]) for cells in table[:3])
    assert "failed" not in text
