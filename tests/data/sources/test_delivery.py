"""What arrives while a source is read is not taken for read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl.data.sources import has_moments, ingest, ingest_source
from mtl.data.sources.delivery import delivery_of
from mtl.errors import DataError
from mtl.layout import KEPT
from tests.data.sources.conftest import Bench, make_spec
from tests.data.sources.watermarked import Base


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """It happens once all rows have been read."""
    need_rows = ingest._need_rows

    def then(job: ingest.Job, rows: int) -> None:
        happens()
        need_rows(job, rows)

    monkeypatch.setattr(ingest, "_need_rows", then)


@pytest.mark.parametrize("what", ["new", "another", "gone"])
def test_a_folder_that_changes_is_read_again(bench: Bench, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    for number in (1, 2):
        bench.write(f"days/2026-11-0{number}.csv", f"id,x\n{number},7\n")
    spec = make_spec({"path": "days"})
    ingest_source(spec, "table", bench.root, bench.target, bench.root / "kept")
    before = bench.content()
    second = bench.root / "days/2026-11-02.csv"
    happens = {
        "new": lambda: bench.write("days/2026-11-03.csv", "id,x\n3,7\n"),
        "another": lambda: second.write_text("id,x\n2,8\n9,9\n"),
        "gone": second.unlink,
    }[what]
    with monkeypatch.context() as patched:
        meanwhile(patched, happens)
        with pytest.raises(DataError, match=r"(?s)days/2026-11-0[23].csv changed while.*run again"):
            ingest_source(spec, "table", bench.root, bench.target, bench.root / "kept")
    assert bench.content() == before, "the old output stays"
    assert (
        ingest_source(spec, "table", bench.root, bench.target, bench.root / "kept").partitions
        == {"new": 3, "another": 2, "gone": 1}[what]
    )


def test_what_nobody_reads_may_come_and_go(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write("days/2026-11-01.csv", "id,x\n1,7\n")
    meanwhile(monkeypatch, lambda: bench.write("days/.upload-17", "half"))
    assert ingest_source(make_spec({"path": "days"}), "table", bench.root, bench.target).rows == 1


def test_a_poll_in_the_middle_is_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    base = Base(bench)
    base.add((1, 1, "2026-11-01"))
    base.poll()

    def later() -> None:
        base.add((2, 1, "2026-11-02"))
        base.poll()

    meanwhile(monkeypatch, later)
    with pytest.raises(DataError, match=r"state\.json changed while"):
        base.ingest()


def test_without_its_state_all_of_a_table_is_fetched_anew(bench: Bench) -> None:
    base = Base(bench)
    base.add((1, 1, "2026-11-01"))
    base.poll()
    keep = bench.root / KEPT / "table"
    spec = make_spec(base.source)
    assert ingest_source(spec, "table", bench.root, bench.target, keep).new == 1
    state = (bench.root / "state.json").read_bytes()
    base.run("UPDATE t SET x = 2")
    assert not base.poll().changed, "nobody can see it"
    (bench.root / "state.json").unlink()
    assert base.poll().changed
    assert (bench.root / "state.json").read_bytes() != state, "so DVC looks again"
    assert ingest_source(spec, "table", bench.root, bench.target, keep).new == 1
    assert bench.frame()["x"].to_list() == [2]


@pytest.mark.parametrize(("at", "moments"), [("2026-11-01", True), ("2026-11-01 12:00:00", True), (20261101, False), ("b", False)])
def test_whether_a_query_can_be_pinned_is_known_from_its_state(bench: Bench, at: object, moments: bool) -> None:
    base = Base(bench)
    source = make_spec(base.source).sources["table"]
    assert not has_moments(bench.root, source), "it was never asked"
    base.add((1, 1, at))
    base.poll()
    assert has_moments(bench.root, source) is moments
    assert not has_moments(bench.root, make_spec({"path": "days"}).sources["table"])


def test_a_source_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert delivery_of(make_spec({"path": "nowhere"}).sources["table"], tmp_path) == {}
