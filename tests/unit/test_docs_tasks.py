"""docs/tasks.md: every task in it is one, and every metric and key of a kind is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from mtl.spec import METRICS
from mtl.spec.losses import LEVELS
from mtl.spec.tagging import CRF
from mtl.spec.tasks import SIZE, TEMPERATURE, Task

PAGE = (Path(__file__).parents[2] / "docs/tasks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("block", BLOCKS)
def test_each_example_is_a_task(block: str) -> None:
    tasks = YAML(typ="safe", pure=True).load(block)["tasks"]
    assert all(Task.model_validate(task).source for task in tasks.values())


@pytest.mark.parametrize("kind", sorted(set(SECTIONS) & set(METRICS)))
def test_each_metric_is_named(kind: str) -> None:
    assert all(f"`{metric}`" in SECTIONS[kind] for metric in METRICS[kind])


def test_defaults_are_the_codes() -> None:
    assert f"| `size` | {SIZE} |" in SECTIONS["retrieval"]
    assert f"| `temperature` | {TEMPERATURE:g} |" in SECTIONS["retrieval"]
    assert f"| `crf` | {str(CRF).lower()} |" in SECTIONS["tagging"]
    assert f"| `levels` | {', '.join(map(str, LEVELS))} |" in SECTIONS["quantile"]
