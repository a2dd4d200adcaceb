"""What goes wrong around a project in production; the champion stays, and the workspace is ready for the next run.

Both servers keep what they know in PostgreSQL, where one can be started.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.data.sources.conftest import NoServerError, Server, running
from tests.e2e.listeners import Listener, MailServer
from tests.e2e.site import DAYS, RETRAIN, Site, answers, in_production, until
from tests.flows.conftest import command, tables

pytestmark = pytest.mark.e2e

BLOCKS = """\
from prefect.blocks.notifications import MattermostWebhook, SlackWebhook
MattermostWebhook(hostname="127.0.0.1", port={chat}, token="abcdefghijklmnopqrstuvwxyz").save("ops")
SlackWebhook(url="mailto://127.0.0.1:{mail}?from=mtl@site.example&to=ops@site.example&mode=insecure").save("mail")
"""
"""What a person does on the server's page Blocks: a chat and an address that are told."""


@pytest.fixture(scope="module")
def database() -> Iterator[Server | None]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path is short, and `nobody` may reach it
    with ExitStack() as until_the_end:
        until_the_end.callback(shutil.rmtree, folder)
        try:
            server = until_the_end.enter_context(running(folder, extension="pg_trgm"))  # Prefect asks for it
        except NoServerError:
            yield None
            return
        server.run("CREATE DATABASE prefect", "CREATE DATABASE mlflow")
        yield server


@pytest.fixture(scope="module")
def site(database: Server | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    stores = {"prefect": "env:PREFECT_STORE", "mlflow": "env:MLFLOW_STORE"} if database else {}
    with pytest.MonkeyPatch.context() as patched:
        for name in ("prefect", "mlflow") if database else ():
            patched.setenv(f"{name.upper()}_STORE", database.url(database=name))
        with in_production(tmp_path_factory.mktemp("troubles") / "project", stores) as site:
            yield site


def test_a_scheduled_retraining_is_committed_and_nothing_of_the_persons_with_it(site: Site) -> None:
    site.edit("params.yaml", "record: branch", "record: commit")
    site.mtl("deploy")
    before = command(site.root, "git", "rev-parse", "HEAD").stdout
    done = site.ended(site.start(RETRAIN))
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert site.champion() == "1"
    assert command(site.root, "git", "rev-parse", "HEAD~1").stdout == before
    assert f"Retrained by {done['name']}" in command(site.root, "git", "log", "-1", "--format=%s").stdout
    changed = command(site.root, "git", "show", "--format=", "--name-only", "HEAD").stdout.split()
    assert set(changed) <= {"dvc.lock", "code.lock.yaml"}
    assert "params.yaml" in command(site.root, "git", "status", "--porcelain").stdout


def test_a_broken_delivery_fails_by_name_a_chat_and_the_mail_tell_and_the_next_one_mends_it(site: Site) -> None:
    chat, mail = Listener(), MailServer()
    told = [f"    - {{block: {block}, on: [failure]}}\n" for block in ("mattermost-webhook/ops", "slack-webhook/mail")]
    hook = f"    - webhook: {site.ears.url}\n"
    site.edit("params.yaml", hook, hook + "".join(told))
    assert "make it on the server's page Blocks" in site.mtl("deploy", check=False)
    made = BLOCKS.format(chat=chat.port, mail=mail.port)
    command(site.root, sys.executable, "-c", made, PREFECT_API_URL=site.prefect_api)
    site.mtl("deploy")
    site.ears.heard.clear()
    people = tables()["people"]
    broken = site.ended(site.deliver(people.drop("age")))
    assert broken["state_type"] == "FAILED"
    assert "age" in broken["state"]["message"]
    for heard in (site.ears.heard, chat.heard, mail.heard):
        until(lambda heard=heard: any("age" in one["text"] for one in heard), why=lambda heard=heard: str(heard))
    assert site.champion() == "1"
    whole = site.ended(site.deliver(people.with_columns(height=(people["height"] + 0.1).round(1))))
    assert whole["state_type"] == "COMPLETED", whole["state"]["message"]


def test_while_mlflow_is_away_a_run_tries_again_and_fails_and_the_next_one_goes_on(site: Site) -> None:
    champion = site.champion()
    site.edit("params.yaml", "gate: {tolerance: 0.1}", "gate: {tolerance: 0.2}")
    with without_mlflow(site):
        failed = site.ended(site.start(RETRAIN))
    assert failed["state_type"] == "FAILED"
    assert "register" in failed["state"]["message"]
    ran = site.prefect("task_runs/filter", {"task_runs": {"flow_run_id": {"any_": [failed["id"]]}}})
    assert {one["name"]: one["run_count"] for one in ran}["register"] == 3
    until(lambda: answers(site.champion), why=lambda: site.log("mlflow"))
    assert site.champion() == champion
    done = site.ended(site.start(RETRAIN))
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert command(site.root, "dvc", "status").stdout.strip().endswith("up to date.")


def test_a_run_outlives_a_restart_of_the_server(site: Site) -> None:
    run = site.start(RETRAIN, force=True)
    until(lambda: site.stages())
    site.program("prefect").kill()
    until(lambda: not answers(lambda: site.prefect("health")))
    until(lambda: answers(lambda: site.prefect("health")))
    lease = site.run(run)["state"]["state_details"]["deployment_concurrency_lease_id"]
    site.prefect(f"v2/concurrency_limits/leases/{lease}/renew", {"lease_duration": 300})  # as a run of minutes does, or it is ended
    assert site.ended(run)["state_type"] == "COMPLETED"


def test_a_day_of_the_past_is_retrained_beside_the_champion_and_meets_the_gate_if_told_to(site: Site) -> None:
    champion, spec, days = site.champion(), (site.root / "params.yaml").read_text(), {"since": DAYS[1], "until": DAYS[1]}
    for message in (f"backfill-{DAYS[1]}", "1 experiments"):  # the second time nothing is left to do
        done = site.ended(site.start("backfill/backfill", **days))
        assert done["state_type"] == "COMPLETED", done["state"]["message"]
        assert message in done["state"]["message"]
    assert command(site.root, "dvc", "exp", "list", "--name-only").stdout.split() == [f"backfill-{DAYS[1]}"]
    assert (site.champion(), (site.root / "params.yaml").read_text()) == (champion, spec)
    done = site.ended(site.start("backfill/backfill", **days, promote=True))
    assert done["state_type"] == "COMPLETED", done["state"]["message"]
    assert (site.root / "params.yaml").read_text() == spec
    said = json.loads((site.root / "reports/registration.json").read_text())
    assert said["decision"] in ("promoted", "rejected")
    assert int(said["version"]) > int(champion or 0)
    assert (said["decision"] == "promoted") is (site.champion() == str(said["version"]))


def test_all_of_it_lies_where_the_spec_says_also_when_the_servers_are_down(site: Site, database: Server | None) -> None:
    champion = site.champion()
    site.mtl("down")
    if database is None:
        assert (site.root / "mlflow.db").stat().st_size > 0
    else:
        assert count(database, "prefect", "flow_run") > 1
        assert count(database, "mlflow", "model_versions") > 1
        assert not (site.root / "mlflow.db").exists()
    assert f"version {champion} is champion" in site.mtl("champion")  # the database itself is asked


@contextmanager
def without_mlflow(site: Site) -> Iterator[None]:
    """Its server is gone, and nobody starts it again meanwhile."""
    supervisor = psutil.Process(json.loads((site.root / ".mtl/services/services.json").read_text())["supervisor"])
    supervisor.send_signal(signal.SIGSTOP)
    try:
        server = site.program("mlflow")
        for one in [*server.children(recursive=True), server]:
            one.kill()
        yield
    finally:
        supervisor.send_signal(signal.SIGCONT)


def count(server: Server, database: str, table: str) -> int:
    import psycopg

    with psycopg.connect(server.url(database=database)) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert found is not None
    return int(found[0])
