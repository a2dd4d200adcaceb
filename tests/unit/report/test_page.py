"""The page as a whole: well-formed, self-contained, escaped, complete, bounded, the same every time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from mtl.errors import DataError
from mtl.report import write_report
from mtl.report.reading import read_findings
from mtl.report.sections.rivals import forest
from mtl.spec import Spec

VOID = {"meta", "link", "input", "br", "img", "hr"}
LOADS = {"src", "srcset", "data", "poster", "background", "action", "formaction", "xlink:href"}
HOSTILE = '</title></script><script>alert(1)</script><img src=x onerror="alert(2)">\' {{ 7*7 }} \x1b\u202e'

Make = Callable[..., Spec]
Page = Callable[[Path, Spec], str]


class Reader(HTMLParser):
    """Tags of a page, with a check that each is closed where it must be."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def ids(page: str) -> list[str]:
    return [found for _, attrs in Reader(page).tags if (found := attrs.get("id"))]


@pytest.mark.parametrize("which", ["nhanes", "crowded"])
def test_tags_are_balanced_and_ids_unique(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    assert Reader(page).open == []
    assert len(ids(page)) == len(set(ids(page)))


@pytest.mark.parametrize("which", ["nhanes", "crowded"])
def test_nothing_is_loaded_from_anywhere(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    for tag, attrs in Reader(page).tags:
        assert not LOADS & set(attrs), (tag, attrs)
        assert tag not in ("iframe", "object", "embed", "base", "form")
        assert (attrs.get("href") or "#").startswith(("#", "data:,")), attrs
        assert not any(name.startswith("on") or name == "style" for name in attrs), attrs
    assert not re.search(r"https?://|url\(|@import", page)


def test_the_policy_lets_run_only_the_pages_own_style_and_script(nhanes: str) -> None:
    policy = next(a["content"] for _, a in Reader(nhanes).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", nhanes, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_every_link_leads_somewhere(nhanes: str, crowded: str) -> None:
    for page in (nhanes, crowded):
        places = set(ids(page))
        assert {a["href"] for t, a in Reader(page).tags if t == "a"} <= {f"#{place}" for place in places}


def test_every_task_stands_in_both_forests_the_table_and_the_details(crowded: str) -> None:
    tags = [(tag, a.get("class"), a["data-task"]) for tag, a in Reader(crowded).tags if a.get("data-task")]
    for tag, css, times in (("div", "row", 3), ("details", "one", 1), ("tr", None, 6)):  # forests: two rivals and the champion
        shown = Counter(task for *kind, task in tags if kind == [tag, css])
        assert len(shown) == 139
        assert set(shown.values()) == {times}, tag


def test_forests_are_sorted_largest_gain_first(tmp_path: Path, workspace: Make) -> None:
    workspace(tmp_path)
    plot = forest(read_findings(tmp_path, []), "single_task")
    assert plot is not None
    gains = [float(row["value"].replace("−", "-")) for row in plot["rows"]]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) == 11


def test_size_is_bounded_at_139_tasks(crowded: str) -> None:
    assert len(crowded.encode()) < 8_000_000


def test_same_files_same_bytes(tmp_path: Path, workspace: Make, page: Page) -> None:
    spec = workspace(tmp_path)
    assert page(tmp_path, spec) == page(tmp_path, spec)


def test_the_page_knows_nothing_of_where_it_was_made(tmp_path: Path, workspace: Make, page: Page) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    spec = workspace(here)
    first = page(here, spec)
    shutil.copytree(here, there)
    assert page(there, spec) == first
    assert str(tmp_path) not in first


def test_hostile_names_and_values_stay_text(tmp_path: Path, workspace: Make, page: Page, nhanes: str) -> None:
    spec = workspace(tmp_path, 2, {HOSTILE: ("regression", HOSTILE, 0.4, 0.3, 0.35), "calm": ("binary", "", 0.8, 0.7, 0.75)})
    people = tmp_path / "reports/validation/people.json"
    found = json.loads(people.read_text())
    found["reasons"][0] |= {"column": HOSTILE, "reason": HOSTILE, "examples": [{"row": 1, "key": "a\x1fb", "value": HOSTILE}]}
    found["expectations"].append(
        {"type": HOSTILE, "column": HOSTILE, "severity": HOSTILE, "success": False, "expected": HOSTILE, "observed": HOSTILE}
    )
    found["nan_read_as_missing"] = {HOSTILE: 1}
    people.write_text(json.dumps(found))
    pl.DataFrame({HOSTILE: [HOSTILE], "row": [1], "reasons": [[HOSTILE]]}).write_parquet(
        tmp_path / "data/quarantine/people/rows.parquet"
    )
    decided = tmp_path / "reports/registration.json"
    decided.write_text(json.dumps(json.loads(decided.read_text()) | {"reasons": [HOSTILE], "version": HOSTILE}))
    written = page(tmp_path, spec)
    reader = Reader(written)
    assert [t for t, _ in reader.tags].count("script") == [t for t, _ in Reader(nhanes).tags].count("script") == 1
    assert "img" not in {t for t, _ in reader.tags}
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert "{{ 7*7 }}" in reader.text
    assert "a · b" in reader.text


FILES = [
    "reports/evaluation.json", "reports/metrics.json", "reports/encoding.json", "reports/cost.json", "reports/registration.json",
    "reports/validation", "reports/training", "data/quarantine", "dvc.lock",
]  # fmt: skip
SAID = {
    "reports/evaluation.json": 3,
    "reports/cost.json": 1,
    "reports/registration.json": 1,
    "reports/validation": 1,
    "dvc.lock": 1,
}


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_costs_its_section_only(file: str, tmp_path: Path, workspace: Make, page: Page, nhanes: str) -> None:
    spec = workspace(tmp_path)
    remove(tmp_path / file)
    reader = Reader(page(tmp_path, spec))
    assert reader.open == []
    absent = [a for _, a in reader.tags if a.get("class") == "missing"]
    assert len(absent) >= SAID.get(file, 0)
    assert {a.get("id") for t, a in reader.tags if t == "section"} == {
        a.get("id") for t, a in Reader(nhanes).tags if t == "section"
    }


def test_an_empty_workspace_has_a_page(tmp_path: Path, workspace: Make, page: Page) -> None:
    spec = workspace(tmp_path)
    for file in FILES:
        remove(tmp_path / file)
    (tmp_path / "reports").mkdir(exist_ok=True)
    assert "No decision" in Reader(page(tmp_path, spec)).text


@pytest.mark.parametrize(
    ("file", "content"),
    [("reports/evaluation.json", '{"tasks": '), ("reports/cost.json", "[]"), ("dvc.lock", "a: [1"),
     ("reports/training/candidate/history.csv", "epoch,task\n1,a\n"), ("data/quarantine/people/rows.parquet", "PAR")],
)  # fmt: skip
def test_a_damaged_file_is_named_and_the_old_page_stays(file: str, content: str, tmp_path: Path, workspace: Make) -> None:
    spec, target = workspace(tmp_path), tmp_path / "reports/report.html"
    target.write_text("the old page")
    (tmp_path / file).write_text(content)
    with pytest.raises(DataError, match=re.escape(file)) as caught:
        write_report(tmp_path, spec, target)
    assert caught.value.do
    assert target.read_text() == "the old page"


def test_the_page_says_what_the_files_say(nhanes: str) -> None:
    text = Reader(nhanes).text
    for said in (
        "Rejected",
        "+2.1 %",
        "[+0.8, +3.3]",
        "Borderline",
        "person.insulin",
        "rare_thing",
        "cafe" * 8,
        "8,366 rows in",
        "0.30 ×",
        "Holm",
    ):
        assert said in text, said


def test_the_second_rival_is_called_what_it_is(tmp_path: Path, workspace: Make, page: Page) -> None:
    spec = workspace(tmp_path)
    file = tmp_path / "reports/encoding.json"
    found = json.loads(file.read_text())
    assert "its second a plain model a task (boosted trees)" in Reader(page(tmp_path, spec)).text
    file.write_text(json.dumps({**found, "tasks": {t: {**one, "kind": "retrieval"} for t, one in found["tasks"].items()}}))
    assert "its second a plain model a task (nearest neighbours)" in Reader(page(tmp_path, spec)).text


def test_what_is_undefined_is_said_with_its_reason(nhanes: str) -> None:
    assert "undefined: one class only in test" in Reader(nhanes).text


@pytest.mark.parametrize(
    ("decision", "said"),
    [("promoted", "Promoted"), ("rejected", "Rejected"), ("not_asked", "Registry not asked"), ("new word", "No decision")],
)
def test_the_banner_follows_the_decision(decision: str, said: str, tmp_path: Path, workspace: Make, page: Page) -> None:
    spec = workspace(tmp_path)
    (tmp_path / "reports/registration.json").write_text(json.dumps({"decision": decision}))
    assert f"nhanes {said}" in Reader(page(tmp_path, spec)).text


def test_tasks_beyond_the_bound_are_counted_not_drawn(
    tmp_path: Path, workspace: Make, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl.report.reading.MOST_DETAILED", 4)
    reader = Reader(page(tmp_path, workspace(tmp_path)))
    assert sum(1 for _, a in reader.tags if a.get("class") == "one") == 4
    assert "7 more tasks without pictures" in reader.text
    places = {a.get("id") for _, a in reader.tags}
    assert all(str(a["href"]).removeprefix("#") in places for t, a in reader.tags if t == "a")
