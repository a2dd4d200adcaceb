"""What DVC knows: the graph of stages, and which of them are stale. Asked in process, under one lock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtl.errors import MtlError

if TYPE_CHECKING:
    from dvc.repo import Repo

_in_process = threading.Lock()
"""DVC's own lock is between processes and retries every 0.5 s; the threads of one flow need not wait for it."""


@dataclass(frozen=True)
class Plan:
    """The stages in an order that respects `needs`, and which of them DVC would run now."""

    needs: dict[str, list[str]]
    stale: frozenset[str]

    def downstream(self, names: set[str]) -> set[str]:
        """The stages that need one of `names`, directly or not."""
        found = set(names)
        for stage, needs in self.needs.items():
            if found.intersection(needs):
                found.add(stage)
        return found - names

    def upstream(self, names: set[str]) -> set[str]:
        """The stages that one of `names` needs, directly or not."""
        found = set(names)
        for stage in reversed(self.needs):
            if stage in found:
                found.update(self.needs[stage])
        return found - names


def read_plan(root: Path, targets: list[str] | None = None) -> Plan:
    """DVC's graph at `root`, cut to `targets` and what they need, and what is stale in it.

    `targets` are DVC's names of stages (`train`, `ingest@people`, or `ingest` for all of a foreach).
    Raises MtlError if DVC cannot read dvc.yaml, params.yaml or dvc.lock, or knows no such target.
    """
    import networkx as nx
    from dvc.exceptions import DvcException

    try:
        with opened(root) as repo:
            graph = repo.index.graph
            stages = {stage.name: stage for stage in nx.dfs_postorder_nodes(graph) if hasattr(stage, "name")}
            needs = {name: sorted(up.name for up in graph.successors(stage)) for name, stage in stages.items()}
            plan = _cut(Plan(needs, frozenset()), targets)
            return Plan(plan.needs, frozenset(name for name in plan.needs if stages[name].changed()))
    except DvcException as error:
        raise MtlError(f"DVC cannot read the pipeline: {_whole_message(error)}", do="see `dvc status`") from error


def is_stale(root: Path, name: str) -> bool:
    """Whether `dvc repro` would do anything for this stage now; 15-50 ms. Its upstream stages must be done."""
    with opened(root) as repo:
        # repo.stage.collect(name) would look for dvc.yaml in the working directory
        return any(stage.changed() for stage in repo.index.stages if getattr(stage, "name", None) == name)


@contextmanager
def opened(root: Path) -> Iterator[Repo]:
    """DVC's repository under its lock; silent: on a terminal it would draw a bar for every folder it hashes, over our lines."""
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    with _in_process, Repo(str(root), _wait_for_lock=True) as repo, repo.lock:
        yield repo


def _cut(plan: Plan, targets: list[str] | None) -> Plan:
    if not targets:
        return plan
    wanted: set[str] = set()
    for target in targets:
        found = {name for name in plan.needs if name == target or name.partition("@")[0] == target}
        if not found:
            raise MtlError(f"unknown stage {target!r}", expected=", ".join(plan.needs), do="name a stage of dvc.yaml")
        wanted |= found
    wanted |= plan.upstream(wanted)
    return Plan({name: needs for name, needs in plan.needs.items() if name in wanted}, plan.stale)


def _whole_message(error: BaseException) -> str:
    """DVC's message with those of its causes, each once."""
    texts: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        if str(cause) and str(cause) not in texts:
            texts.append(str(cause))
        cause = cause.__cause__
    return ": ".join(texts)
