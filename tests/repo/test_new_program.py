"""The program of docs/new-program.md is cut out of the page, installed beside the house and run by its worker."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.house, pytest.mark.faults, pytest.mark.tamper]
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60

OPEN = """
import json
from pilothouse.site.cli import setup
setup()
from django.test import Client
from pilothouse.kernel.access.commands import issue_key
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
with worker_scope():
    tenants = [Tenant.objects.create(name=name, created_at=clock.now()) for name in ("Northwind", "Southwind")]
keys = []
for tenant in tenants:
    with tenant_scope(tenant.id, "operator:test"):
        keys.append(issue_key(tenant.id, "Courier", "pilot")[1])
ours = {"content_type": "application/json", "HTTP_AUTHORIZATION": f"Bearer {keys[0]}"}
made = Client().post("/v1/parcels", {"address": "1 Harbour Street"}, **ours)
assert made.status_code == 201, made.content
bad = Client().post("/v1/parcels", {"address": ""}, **ours)
assert bad.status_code == 422, bad.content
other = Client().get("/v1/parcels/" + made.json()["parcel_id"], HTTP_AUTHORIZATION=f"Bearer {keys[1]}")
assert other.status_code == 404, other.content
print(json.dumps({"parcel": made.json()["parcel_id"], "key": keys[0]}))
"""
SHOW = """
import json, sys
from pilothouse.site.cli import setup
setup()
from django.test import Client
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.lifecycle.queries import stuck_subjects, timeline
from parcels.models import Parcel
parcel, key = sys.argv[1:]
shown = Client().get(f"/v1/parcels/{parcel}", HTTP_AUTHORIZATION=f"Bearer {key}").json()
with worker_scope():
    row = Parcel.objects.get(public_id=parcel)
    events = [event["type"] for event in timeline("parcel", [row.id], "customer")]
    stuck = stuck_subjects()
print(json.dumps({"status": shown["status"], "events": events, "stuck": stuck}))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder in which the page's package is installed, as pip would leave it."""
    page = (ROOT / "docs" / "new-program.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", page, re.DOTALL))
    assert {"parcels/program.py", "parcels/models.py", "parcels/api.py"} < set(files)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for folder in ("parcels", "parcels/migrations"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "__init__.py").touch()
    group = re.search(r'\[project\.entry-points\."(.*?)"\]\n(.*)', files["pyproject.toml"])
    assert group is not None
    target = group[2].replace('"', "")
    info = tmp_path / "parcels-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: parcels\nVersion: 0.1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group[1]}]\n{target}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def env(package: Path) -> Iterator[dict[str, str]]:
    """The environment of processes with the package, on a database of their own."""
    from pilothouse.site.migrate import admin_connection

    name = f"house_parcels_{os.getpid()}"
    yield {**os.environ, "PYTHONPATH": str(package), "DATABASE_NAME": name}
    with admin_connection("postgres") as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _run(env: dict[str, str], *argv: str) -> str:
    done = subprocess.run(
        [sys.executable, *argv], env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(240)
def test_the_program_of_the_page_runs(env: dict[str, str], package: Path) -> None:
    _run(env, "-W", "ignore", "-m", "django", "makemigrations", "parcels")
    assert (package / "parcels" / "migrations" / "0001_initial.py").is_file()
    _run(env, "-m", "pilothouse.site.cli", "migrate")
    opened = json.loads(_run(env, "-c", OPEN).splitlines()[-1])

    worker = subprocess.Popen(
        [sys.executable, "-m", "pilothouse.site.cli", "worker"], env={**env, "PROCESS_NAME": "worker"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE_S
        shown: dict[str, object] = {}
        while shown.get("status") != "delivered":
            assert time.monotonic() < until, shown
            assert worker.poll() is None
            shown = json.loads(_run(env, "-c", SHOW, opened["parcel"], opened["key"]).splitlines()[-1])
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(PATIENCE_S)
    assert shown == {"status": "delivered", "events": ["deliver", "post"], "stuck": []}
    checked = json.loads(_run(env, "-m", "pilothouse.site.cli", "check", "--json"))
    assert checked["promises"]["execution"]["rows"] == 0
