"""`mtl deploy`: bring the server's pools, limits, deployments and automations to what prefect.yaml and params.yaml say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from mtl.errors import MtlError, SpecError
from mtl.orchestration.local import child_environment
from mtl.orchestration.server_of import use_server
from mtl.spec import SPEC, read_spec

PREFECT = "prefect.yaml"


def deploy(root: Path) -> None:
    """Make or update; what was done is printed. Can be run again at will.

    Raises MtlError if there is no server, or if Prefect refuses a deployment.
    """
    root = root.resolve()
    spec = read_spec(root / SPEC)
    declared = _declared(root / PREFECT)
    url = use_server(root)
    from prefect.client.orchestration import get_client

    from mtl.orchestration.deploying.automations import make_automations
    from mtl.orchestration.deploying.notifications import find_blocks
    from mtl.orchestration.deploying.pools import make_pools

    operations = spec.operations
    with get_client(sync_client=True) as client:
        blocks = find_blocks(client, spec.name, operations.notify)
        done = make_pools(client, operations.services.pools)
        _deploy_all(root)
        deployments = {name: client.read_deployment_by_name(name).id for name in declared}
        done += [f"deployment {name}" for name in declared]
        done += make_automations(client, spec.name, deployments, blocks)
    print(*done, sep="\n")
    print(f"deployed to {url.removesuffix('/api')}")


def _declared(path: Path) -> list[str]:
    """Its deployments, as `flow/name`."""
    if not path.is_file():
        raise SpecError(
            f"{path}: there is no such file", expected="the deployments of this project", do="copy it from a new project"
        )
    said = YAML(typ="safe").load(path.read_text(encoding="utf-8")) or {}
    deployments = said.get("deployments") or []
    return [f"{one['entrypoint'].partition(':')[2]}/{one['name']}" for one in deployments]


def _deploy_all(root: Path) -> None:
    """Prefect's own `prefect deploy --all`, which knows everything that prefect.yaml may say."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(
        command, cwd=root, env=child_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-3:]
        raise MtlError(f"Prefect refuses {PREFECT}", found=" ".join(last), do="see `prefect deploy --all`")
