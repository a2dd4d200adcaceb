"""What Prefect costs, over `dvc repro` on the same chain of stages, and with nothing to do; interleaved in one run.

python -m benchmarks.orchestration
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import Request, urlopen

from mtl.dvc_home import keep_dvc_home

STAGES = 12
ROUNDS = 5
PROGRAM = "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read() + 'x')"
FLOW = "import sys; from mtl.orchestration.flow import retrain; retrain('.', force=sys.argv[1] == 'force')"
DVC = [sys.executable, "-m", "dvc"]


def make_chain(root: Path) -> None:
    """STAGES stages, each after the one before, each of which copies one file."""
    for command in (["git", "init", "-q"], [*DVC, "init", "-q"]):
        subprocess.run(command, cwd=root, check=True)
    (root / "append.py").write_text(PROGRAM)
    (root / "0.txt").write_text("x")
    (root / "dvc.yaml").write_text("stages:\n" + "".join(_stage(number) for number in range(1, STAGES + 1)))
    keep_dvc_home(root)


def _stage(number: int) -> str:
    before, after = f"{number - 1}.txt", f"{number}.txt"
    return f"  s{number}: {{cmd: exec python append.py {before} {after}, deps: [{before}], outs: [{after}]}}\n"


def by_dvc(root: Path) -> float:
    """Seconds of `dvc repro --force`, the start of its process included."""
    began = time.perf_counter()
    subprocess.run([*DVC, "repro", "--quiet", "--force"], cwd=root, check=True)
    return time.perf_counter() - began


def in_flow(root: Path, api: str, how: str) -> float:
    """Seconds of a run as the server counts them: without the start of its process."""
    known = _runs(api)
    environment = os.environ | {"PREFECT_API_URL": api}
    subprocess.run([sys.executable, "-c", FLOW, how], cwd=root, check=True, env=environment, capture_output=True)
    (new,) = [spent for run, spent in _runs(api).items() if run not in known]
    return new


def _runs(api: str) -> dict[str, float]:
    """Id -> seconds of every run of the server."""
    request = Request(f"{api}/flow_runs/filter", b"{}", {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        return {run["id"]: run["total_run_time"] for run in json.load(answer)}


def told(name: str, values: list[float]) -> str:
    return f"{name}: {statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    from mtl.orchestration.local import prepare_environment
    from mtl.orchestration.server import start_server

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_chain(root)
        prepare_environment(root)
        server = start_server(root / ".mtl/prefect")
        server.wait()
        rounds = [(by_dvc(root), in_flow(root, server.url, "force"), in_flow(root, server.url, "stale")) for _ in range(ROUNDS + 1)]
        server.stop()
    warm = rounds[1:]
    print(told(f"{STAGES} stages by dvc repro", [dvc for dvc, _, _ in warm]))
    print(told(f"{STAGES} stages by the flow", [flow for _, flow, _ in warm]))
    print(told("a stage that runs, over dvc repro", [(flow - dvc) / STAGES for dvc, flow, _ in warm]))
    print(told("a retraining with nothing to do", [nothing for _, _, nothing in warm]))


if __name__ == "__main__":
    main()
