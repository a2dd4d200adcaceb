"""`mtl up`, `mtl down`, `mtl status`: what a person does with the services, in words."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mtl.errors import MtlError, SpecError
from mtl.layout import PREFECT
from mtl.services.marked import end_marked
from mtl.services.places import HOME, HOST, Places
from mtl.services.programs import QUIET
from mtl.services.programs import worker as make_worker
from mtl.services.running import Running, running, said
from mtl.services.supervisor import GRACE, START, supervise
from mtl.spec import SPEC, read_spec

NEXT = "next: mtl deploy"


def up(root: Path, *, detach: bool) -> None:
    """Start the services of the workspace, or say that they run. Raises MtlError if a port is taken or a server fails."""
    places = Places(root.resolve(), read_spec(root / SPEC).operations.services)
    already = running(places.root)
    if already is not None and already.state != "failed":
        print(f"already up since {already.since}\n{_listing(already)}")
        return
    end_marked(places.root, grace=GRACE)  # left by a supervisor that was killed
    _ports_must_be_free(places)
    print("starting the Prefect server, the MLflow server and the workers …", flush=True)
    if detach:
        _in_background(places)
    else:
        supervise(places, lambda state: _tell(places.root, state))


def down(root: Path) -> None:
    """Stop them all; harmless if nothing runs."""
    root = root.resolve()
    now = running(root)
    if now is None:
        left = end_marked(root, grace=GRACE)
        print(f"ended {left} processes that a killed supervisor had left" if left else "nothing runs")
        return
    os.kill(now.supervisor, signal.SIGTERM)
    until = time.monotonic() + 4 * GRACE
    while running(root) is not None:
        if time.monotonic() > until:
            raise MtlError(f"the supervisor, process {now.supervisor}, does not stop", do=f"see {root / HOME}")
        time.sleep(0.1)
    print("stopped; nothing is left running")


def status(root: Path) -> bool:
    """Say what runs; whether the services are up."""
    now = running(root.resolve())
    if now is None:
        print("nothing runs; start it with: mtl up")
        return False
    print(f"{now.state} since {now.since}, supervised by process {now.supervisor}\n{_listing(now)}")
    return now.state == "up"


def _in_background(places: Places) -> None:
    log = places.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "mtl.services.supervisor", str(places.root)], cwd=places.root, stdin=subprocess.DEVNULL,
            stdout=stream, stderr=stream, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + START + 2 * GRACE
    while process.poll() is None and time.monotonic() < until:
        now = running(places.root)
        if now is not None and now.state == "up" and now.supervisor == process.pid:
            print(f"up\n{_listing(now)}\n{NEXT}")
            return
        time.sleep(0.1)
    left = said(places.root)
    raise MtlError(
        "the services do not come up", found=left.error if left and left.error else "no word of the supervisor", do=f"see {log}"
    )


def _tell(root: Path, state: str) -> None:
    now = said(root)
    if state == "up" and now is not None:
        print(f"up; Ctrl-C stops them all\n{_listing(now)}\n{NEXT} (in another terminal)", flush=True)


def _listing(now: Running) -> str:
    names = [str(one["name"]) for one in now.programs]
    pools = ", ".join(name.removeprefix("worker-") for name in names if name.startswith("worker-"))
    lines = [f"  Prefect  {now.prefect}", f"  MLflow   {now.mlflow}", f"  workers  of the pools {pools}"]
    lines += ["  watch    new data of the sources in operations.services.watch"] if "watch" in names else []
    lines += [f"  {one['name']} had to be started again {one['restarts']} times" for one in now.programs if one["restarts"]]
    return "\n".join([*lines, f"  logs     {HOME}/"])


def _ports_must_be_free(places: Places) -> None:
    for name in ("prefect", "mlflow"):
        port = getattr(places.services, name).port
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                raise SpecError(
                    f"params.yaml, operations.services.{name}.port", expected=f"port {port} of {HOST} free", found=_listener(port),
                    do="stop that, or choose another port",
                ) from None  # fmt: skip


def _listener(port: int) -> str:
    """Who listens there, if this user may know."""
    import psutil

    try:
        pids: list[Any] = [one.pid for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port and one.pid]
        return (
            f"process {pids[0]}: {' '.join(psutil.Process(pids[0]).cmdline())[:120]}" if pids else "another program listens there"
        )
    except psutil.Error:
        return "another program listens there"


def worker(root: Path, pool: str, limit: int) -> None:
    """Become a worker of the pool, with this folder as its checkout. Raises SpecError without a server."""
    api = os.environ.get("PREFECT_API_URL")
    if not api:
        raise SpecError(
            "no Prefect server", expected="its URL in PREFECT_API_URL", found="nothing there",
            do="export PREFECT_API_URL=http://HOST:4200/api; where `mtl up` runs, workers run already",
        )  # fmt: skip
    root = root.resolve()
    program = make_worker(root, pool, limit, {"PREFECT_API_URL": api, "PREFECT_HOME": str(root / PREFECT)})
    (root / PREFECT).mkdir(parents=True, exist_ok=True)
    os.chdir(root)
    os.execve(program.command[0], program.command, dict(os.environ) | QUIET | dict(program.environment))
