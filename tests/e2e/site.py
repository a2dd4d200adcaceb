"""A small project in production: its services on loopback, asked by their own APIs, and a neighbour that hears notifications."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import polars as pl
import psutil

from mtl.services.marked import marked
from tests.e2e.listeners import Listener
from tests.flows.conftest import PARAMS, ROOT, command, environment, make_project, tables

Json = Any
RETRAIN, ON_EVENT = "retrain/retrain", "retrain/on-event"
PATIENCE = 300.0
"""Seconds at most for what no claim is about: how long a machine that others use too takes for it."""
DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
SPEC = PARAMS.replace("{path: visits.csv}", "{path: visits}").replace("max_epochs: 4, patience: 3", "max_epochs: 6, patience: 6")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """The project in `root` with everything that production needs."""

    def __init__(self, root: Path, stores: Mapping[str, str] | None = None) -> None:
        """stores: service -> `store` of its section."""
        self.root, self.ears, self.stores = root, Listener(), stores or {}
        self.others: list[subprocess.Popen[bytes]] = []
        self.prefect_port, self.mlflow_port = free_port(), free_port()
        make_project(root, SPEC + self._operations())
        (root / "visits.csv").unlink()
        visits = tables()["visits"]
        third = visits.height // len(DAYS)
        (root / "visits").mkdir()
        for number, day in enumerate(DAYS):
            visits.slice(number * third, third).write_csv(root / "visits" / f"{day}.csv")
        shutil.copytree(ROOT / "flows", root / "flows", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(ROOT / "prefect.yaml", root / "prefect.yaml")
        self.commit("production")

    def _operations(self) -> str:
        ports = {"prefect": self.prefect_port, "mlflow": self.mlflow_port}
        lines = ["operations:", "  services:", "    watch: {people: 1}"]
        for name, port in ports.items():
            lines += [f"    {name}:", f"      port: {port}"]
            lines += [f"      store: {self.stores[name]}"] if name in self.stores else []
        lines += ["  notify:", f"    - webhook: {self.ears.url}", "  monitor: {least_rows: 50}", "  record: branch", ""]
        return "\n".join(lines)

    def mtl(self, *arguments: str, check: bool = True) -> str:
        done = command(self.root, "mtl", *arguments, check=check)
        return done.stdout + done.stderr

    def commit(self, message: str) -> None:
        command(self.root, "git", "add", "-A")
        command(self.root, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", message)

    def edit(self, file: str, before: str, after: str) -> None:
        text = (self.root / file).read_text()
        assert before in text, f"{before!r} is not in {file}"
        (self.root / file).write_text(text.replace(before, after))

    def deliver(self, people: pl.DataFrame) -> str:
        """Write the table of the watched source; the run that this begins."""
        known = {one["id"] for one in self.runs(ON_EVENT)}
        people.write_csv(self.root / "people.csv")
        until(lambda: {one["id"] for one in self.runs(ON_EVENT)} - known, why=lambda: self.log("watch"))
        return str(({one["id"] for one in self.runs(ON_EVENT)} - known).pop())

    def learn(self, epochs: int, width: int) -> None:
        """Another candidate: so many epochs at all events, so wide a network."""
        text = (self.root / "params.yaml").read_text()
        text = re.sub(r"max_epochs: \d+, patience: \d+", f"max_epochs: {epochs}, patience: {epochs}", text)
        (self.root / "params.yaml").write_text(re.sub(r"width: \d+", f"width: {width}", text))

    def checkpoints(self) -> set[Path]:
        return set((self.root / ".mtl/checkpoints").rglob("run.safetensors"))

    # the servers' own APIs

    @property
    def prefect_api(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}/api"

    def prefect(self, path: str, body: Mapping[str, Any] | None = None, method: str = "") -> Json:
        return _asked(f"{self.prefect_api}/{path}", body, method)

    def mlflow(self, path: str) -> Json:
        return _asked(f"http://127.0.0.1:{self.mlflow_port}/api/2.0/mlflow/{path}", None, "")

    def champion(self) -> str | None:
        model = self.mlflow("registered-models/get?name=small")["registered_model"]
        return next((str(one["version"]) for one in model.get("aliases", ()) if one["alias"] == "champion"), None)

    def deployment(self, name: str) -> Json:
        return self.prefect(f"deployments/name/{name}")

    def start(self, name: str, **parameters: Any) -> str:
        """Start a run of the deployment; its id."""
        made = self.prefect(f"deployments/{self.deployment(name)['id']}/create_flow_run", {"parameters": parameters})
        return str(made["id"])

    def run(self, run: str) -> Json:
        return self.prefect(f"flow_runs/{run}")

    def runs(self, deployment: str) -> list[Json]:
        """All runs of a deployment, the newest first."""
        ids = {"deployments": {"id": {"any_": [self.deployment(deployment)["id"]]}}, "sort": "EXPECTED_START_TIME_DESC"}
        found: list[Json] = self.prefect("flow_runs/filter", ids)
        return found

    def ended(self, run: str) -> Json:
        """The run once it has ended for good."""
        final = ("COMPLETED", "FAILED", "CANCELLED")

        def why() -> str:
            return f"{self.run(run)['state']}\n{self.log('worker-cpu')}"

        until(lambda: self.run(run)["state_type"] in final, why=why, every=1.0)
        return self.run(run)

    def artifacts(self, run: str) -> dict[str, Json]:
        found = self.prefect("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
        return {one["key"]: one for one in found}

    def log(self, service: str) -> str:
        return (self.root / f".mtl/services/{service}.log").read_text()[-3000:]

    # its processes

    def program(self, name: str) -> psutil.Process:
        """The process of a service as the supervisor knows it now."""
        said = json.loads((self.root / ".mtl/services/services.json").read_text())
        return psutil.Process(next(one["pid"] for one in said["programs"] if one["name"] == name))

    def stages(self) -> list[str]:
        """Names of the stages that run now, in any checkout below this project's parent."""
        found = []
        for process in psutil.process_iter():
            try:
                line, where = process.cmdline(), process.cwd()
            except psutil.Error:
                continue
            if where.startswith(str(self.root.parent)) and len(line) > 2 and re.search(r"/mtl$", line[1]):
                found.append(line[2])
        return found


@contextmanager
def in_production(root: Path, stores: Mapping[str, str] | None = None) -> Iterator[Site]:
    """The project with its services up; afterwards nothing of it runs any more."""
    site = Site(root, stores)
    said = site.mtl("up", "--detach")
    assert f"http://127.0.0.1:{site.prefect_port}" in said
    try:
        yield site
    finally:
        for worker in site.others:
            gone(worker)
        site.mtl("down")
        left = marked(site.root)
        assert not left, f"left running: {[one.cmdline() for one in left]}"


def began_at(run: Json) -> float:
    return datetime.fromisoformat(run["start_time"]).timestamp()


def until(holds: Callable[[], Any], within: float = PATIENCE, why: Callable[[], str] = lambda: "", every: float = 0.2) -> float:
    """Wait until it holds; the seconds it took. Who asks a server often takes from it the time it needs."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within, f"not within {within} s\n{why()}"
        time.sleep(every)
    return time.monotonic() - began


def answers(ask: Callable[[], Json]) -> bool:
    """Whether the server that is asked is there."""
    try:
        ask()
    except OSError:
        return False
    return True


def killed(process: psutil.Process) -> None:
    """SIGKILL to a process and all it has started, as when a machine goes down."""
    for one in [*process.children(recursive=True), process]:
        one.send_signal(signal.SIGKILL)


def gone(worker: subprocess.Popen[bytes]) -> None:
    """A worker elsewhere is killed, with what it has started, if it still lives."""
    if worker.poll() is None:
        killed(psutil.Process(worker.pid))
    worker.wait()


def elsewhere(site: Site, name: str, pool: str) -> tuple[Path, subprocess.Popen[bytes]]:
    """A second checkout, from git alone, with a worker of the pool in it."""
    root = site.root.parent / name
    command(site.root.parent, "git", "clone", "-q", str(site.root.parent / "origin.git"), name)
    more = {"PREFECT_API_URL": site.prefect_api}
    with (site.root.parent / f"{name}.log").open("wb") as log:
        site.others.append(subprocess.Popen(["mtl", "worker", pool], cwd=root, env=environment() | more, stdout=log, stderr=log))
    return root, site.others[-1]


def drifted(frame: pl.DataFrame) -> pl.DataFrame:
    """Other weights than ever before; all else as it was."""
    return frame.with_columns((pl.col("weight") + 60).round(1))


def _asked(url: str, body: Mapping[str, Any] | None, method: str) -> Json:
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"}, method=method or ("GET" if body is None else "POST"))
    for _ in range(10):
        try:
            with urlopen(request, timeout=20) as answer:
                text = answer.read()
            return json.loads(text) if text else None
        except HTTPError as error:
            with error:
                if error.code != 503:  # SQLite is busy: Prefect's own client asks again too
                    raise
        except TimeoutError:
            continue
        time.sleep(1)
    raise AssertionError(f"{url}: busy ten times in a row")
