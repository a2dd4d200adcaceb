"""Kill `dvc repro` at random moments; after each, the next run ends well and makes the same bytes.

    python tests/long/kill_repro.py 20                      # 20 kills, a small project made for it (about 10 minutes)
    python tests/long/kill_repro.py 20 --project .          # the project in this folder, in a copy
    python tests/long/kill_repro.py 5 --door run            # `mtl run` instead of `dvc repro`

Every kill begins with a fresh copy: one run is killed (SIGKILL) after a random time, by turns its whole process group
and the leading process alone; of `dvc repro` every third is killed in the middle of writing dvc.lock, which a random
time hits once in thirty. Nothing of it may go on; the next run must succeed, make the candidate and the lock of an
undisturbed run byte by byte, and leave DVC with nothing to do. Exits 1 at the first kill that does not hold.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

DOORS = {"repro": ["-m", "dvc", "repro"], "run": ["-m", "mtl", "run"]}
PARTS = (
    "params.yaml",
    "dvc.yaml",
    "code.lock.yaml",
    "profile.json",
    ".dvc/config",
    ".dvc/.gitignore",
    ".dvcignore",
    ".gitignore",
    "data/raw",
)
SAME = ("models/candidate", "models/single_task", "dvc.lock", "reports/metrics.json")
VARIANTS = {"repro": ("writer", "group", "leader"), "run": ("group", "leader")}
WRITER = Path(__file__).with_name("dvc_that_dies.py")


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nobody kills makes, and how long it takes."""

    seconds: float
    stages: int
    hashes: dict[str, str]


class DoesNotHoldError(Exception):
    """A kill left something running, or the next run did not make the same."""


def kill_again_and_again(make: Callable[[Path], Path], kills: int, *, door: str = "repro", seed: int = 0) -> Iterator[str]:
    """One line a kill. `make` fills a folder with a fresh project. Raises DoesNotHoldError."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        known = undisturbed(make(Path(folder) / "undisturbed"), door)
        yield f"undisturbed: {known.seconds:.1f} s, {len(known.hashes)} files"
        for number in range(kills):
            root = make(Path(folder) / f"kill-{number}")
            variant = VARIANTS[door][number % len(VARIANTS[door])]
            if variant == "writer":
                when = f"in writing {(nth := chance.randint(1, known.stages))} of dvc.lock"
                where = killed_run(root, [str(WRITER), str(nth), str(chance.random()), "repro"], None, variant)
            else:
                when = f"after {(after := chance.uniform(0.1, known.seconds)):.1f} s"
                where = killed_run(root, DOORS[door], after, variant)
            seconds = next_run(root, door, known)
            yield (
                f"kill {number + 1}/{kills} of the {variant} {when}, {where}:"
                f" the next run ends well in {seconds:.1f} s, all bytes the same"
            )
            shutil.rmtree(root)


def undisturbed(root: Path, door: str) -> Undisturbed:
    began = time.monotonic()
    finish(root, door)
    seconds, lock = time.monotonic() - began, (root / "dvc.lock").read_text()
    return Undisturbed(seconds, lock.count("\n    cmd:"), hashes(root))


def killed_run(root: Path, command: list[str], after: float | None, variant: str) -> str:
    """Start, wait, kill (or wait for its own kill); where it was, in words. Whatever is left must be gone in 5 s."""
    log = root.with_suffix(".log")
    with log.open("w") as out:
        run = subprocess.Popen(
            [sys.executable, *command], cwd=root, env=environment(), stdout=out, stderr=out, start_new_session=True
        )
        try:
            run.wait(after)
        except subprocess.TimeoutExpired:
            (os.killpg if variant == "group" else os.kill)(run.pid, signal.SIGKILL)
        run.wait()
    until = time.monotonic() + 5
    while (left := running_in(root)) and time.monotonic() < until:
        time.sleep(0.05)
    if left:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        raise DoesNotHoldError(f"5 s after the kill of the {variant} still ran: {', '.join(left.values())}")
    begun = [line.split("'")[1] for line in log.read_text().splitlines() if line.startswith("Running stage '")]
    return "after its end" if run.returncode == 0 else f"in {begun[-1]}" if begun else "before the first stage"


def next_run(root: Path, door: str, known: Undisturbed) -> float:
    """Run to the end, and look whether all is as if nothing had happened; the seconds it took."""
    began = time.monotonic()
    finish(root, door)
    seconds = time.monotonic() - began
    found = hashes(root)
    if found != known.hashes:
        differ = sorted(name for name in found.keys() | known.hashes.keys() if found.get(name) != known.hashes.get(name))
        raise DoesNotHoldError(f"not the same bytes in {root}: {', '.join(differ)}")
    status = subprocess.run([sys.executable, "-m", "dvc", "status"], cwd=root, env=environment(), capture_output=True, text=True)
    if "up to date" not in status.stdout:
        raise DoesNotHoldError(f"DVC still finds something to do in {root}:\n{status.stdout}{status.stderr}")
    return seconds


def finish(root: Path, door: str) -> None:
    done = subprocess.run([sys.executable, *DOORS[door]], cwd=root, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise DoesNotHoldError(f"the run in {root} exited with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def hashes(root: Path) -> dict[str, str]:
    """SHA-256 of what must be the same. Parallel stages enter dvc.lock as they end, so its lines are sorted."""
    found: dict[str, str] = {}
    for name in SAME:
        files = sorted((root / name).rglob("*")) if (root / name).is_dir() else [root / name]
        for file in filter(Path.is_file, files):
            content = file.read_bytes()
            content = b"\n".join(sorted(content.splitlines())) if name == "dvc.lock" else content
            found[str(file.relative_to(root))] = hashlib.sha256(content).hexdigest()
    return found


def running_in(root: Path) -> dict[int, str]:
    """pid -> command line of what runs with its working directory in `root`."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            if not zombie and (folder / "cwd").readlink().is_relative_to(root):
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
        except OSError:
            continue
    return found


def environment() -> dict[str, str]:
    """This environment, with this interpreter's folder first on PATH, one thread, and no server of somebody's."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k != "PYTHONDONTWRITEBYTECODE" and not k.startswith(("PREFECT_", "MLFLOW_", "DVC_EXP"))
    }
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}


def copied(project: Path) -> Callable[[Path], Path]:
    """Makes fresh copies of `project`: what a user wrote, nothing that the pipeline made."""

    def make(root: Path) -> Path:
        for part in filter(lambda part: (project / part).exists(), PARTS):
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (project / part).is_dir() else shutil.copyfile
            copy(project / part, root / part)
        for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"]):
            subprocess.run(["git", *words], cwd=root, check=True)
        return root

    return make


def small(root: Path) -> Path:
    """The tests' small project."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.flows.conftest import make_project

    return Path(make_project(root))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=20)
    parser.add_argument("--project", type=Path, help="folder of a project; the tests' small one if left out")
    parser.add_argument("--door", choices=DOORS, default="repro")
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args()
    make = copied(said.project.resolve()) if said.project else small
    try:
        for line in kill_again_and_again(make, said.kills, door=said.door, seed=said.seed):
            print(line, flush=True)
    except DoesNotHoldError as error:
        print(f"does not hold: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
