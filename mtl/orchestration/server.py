"""A Prefect server for the time of one run, where the user has none.

It is Prefect's own ephemeral server (same application, same settings), started by us for three reasons: it begins
while this process still imports Prefect; Ctrl-C at the terminal does not reach it, so that the run can still say
that it was cancelled; and it dies with the run, however that ends, which Prefect's own does not after SIGKILL.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from mtl.errors import MtlError
from mtl.process import PARENT, die_with_parent

LOG = "server.log"
PATIENCE = 120.0
"""Seconds for the first start, which makes the database, on a busy machine."""


@dataclass(frozen=True)
class TemporaryServer:
    """A server that was started, and may not answer yet."""

    url: str
    """Of its API."""
    home: Path
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Until it answers. Raises MtlError with the end of its log if it does not."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            try:
                with urlopen(f"{self.url}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                time.sleep(0.05)
        log = (self.home / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise MtlError(
            "Prefect's temporary server does not answer", found=log[-1] if log else "nothing in its log",
            do=f"see {self.home / LOG}; moving {self.home} away makes a new one; or set PREFECT_API_URL to a server that runs",
        )  # fmt: skip

    def stop(self) -> None:
        self.process.kill()  # nothing in it is worth a slow goodbye: SQLite keeps what was committed
        self.process.wait()


def start_server(home: Path) -> TemporaryServer:
    """Start a server with its database under `home`.

    It is ended when this process ends, after Prefect has sent it the last states and lines of the log.
    """
    port = _free_port()
    with (home / LOG).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mtl.orchestration.server", str(port)],
            env=os.environ | {PARENT: str(os.getpid())}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
        )  # fmt: skip
    server = TemporaryServer(f"http://127.0.0.1:{port}/api", home, process)
    atexit.register(server.stop)
    return server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """In the child: serve Prefect's API on the port given, without UI and without what a schedule needs."""
    die_with_parent()
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(ephemeral=True, final=True), host="127.0.0.1", port=int(sys.argv[1]), log_level="error", lifespan="on")


if __name__ == "__main__":
    main()
