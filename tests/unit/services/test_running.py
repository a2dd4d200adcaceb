from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mtl.files import write_json
from mtl.services.places import STATUS
from mtl.services.running import running, supervising

SAID = {
    "state": "up", "error": "", "supervisor": 1, "since": "today", "prefect": "http://p", "mlflow": "http://m", "environment": {},
    "programs": [],
}  # fmt: skip


def test_what_is_written_counts_only_while_its_writer_lives(tmp_path: Path) -> None:
    write_json(tmp_path / STATUS, SAID)
    assert running(tmp_path) is None
    with supervising(tmp_path) as mine:
        assert mine
        now = running(tmp_path)
        assert now is not None
        assert now.prefect == "http://p"
    assert running(tmp_path) is None


def test_there_is_one_supervisor_and_a_killed_one_frees_the_post(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mtl.services.running import supervising\n"
        "with supervising(Path(sys.argv[1])): print('here', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    with supervising(tmp_path, wait=0.1) as mine:
        assert not mine
    process.kill()
    process.wait()
    process.stdout.close()
    with supervising(tmp_path) as mine:
        assert mine


def test_a_broken_status_is_no_status(tmp_path: Path) -> None:
    (tmp_path / STATUS).parent.mkdir(parents=True)
    (tmp_path / STATUS).write_text('{"state": "u')
    with supervising(tmp_path):
        assert running(tmp_path) is None
