"""What DVC's reader refuses is said before DVC meets it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dvc.utils.serialize import YAMLFileCorruptedError, dumps_yaml, parse_yaml
from ruamel.yaml import YAML

from mtl.dvc_reads import must_be_read_by_dvc
from mtl.errors import SpecError
from tests.readme import ROOT

BLOCKS = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("text", BLOCKS)
def test_what_the_pages_say_is_read_by_dvc_also_after_it_has_written_it(text: str) -> None:
    must_be_read_by_dvc(text, "params.yaml", also_rewritten=True)


@pytest.mark.parametrize(
    "text", ["a: {store: env:NAME}\n", 'a: {store: "env:NAME"}\n', "a: [x, {hook: env:NAME}]\n", "a: ['Poor?', Fair]\n"]
)
def test_what_dvc_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"env:NAME|Poor\?") as told:
        must_be_read_by_dvc(text, "params.yaml", also_rewritten=True)
    assert "in lines" in told.value.do
    with pytest.raises(YAMLFileCorruptedError, match="corrupted"):
        parse_yaml(dumps_yaml(YAML().load(text)), "params.yaml")


def test_quotes_are_enough_for_who_only_reads() -> None:
    must_be_read_by_dvc('a: {store: "env:NAME"}\n', "params.yaml")


@pytest.mark.parametrize("file", [ROOT / "params.yaml", *sorted((ROOT / "examples").glob("*/params.yaml"))], ids=str)
def test_the_specs_that_come_with_it_may_be_changed_by_dvc(file: Path) -> None:
    must_be_read_by_dvc(file.read_text(encoding="utf-8"), str(file), also_rewritten=True)
