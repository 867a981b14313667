"""Runs the command line on a data folder of its own, with real processes, and proves that nothing of it is left."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil
from patience import until

from pilothouse.kernel.base.postgres import EmbeddedPostgres
from pilothouse.kernel.base.postgres_install import folder_name
from pilothouse.site.tree import running

CLI = (sys.executable, "-m", "pilothouse.site.cli")
# What the test run itself sets, and what would lead a house elsewhere.
FOREIGN = ("DATA", "DJANGO_", "PILOTHOUSE_", "SITE_URL", "LIVE_URL", "HOUSE_KIND", "EMAIL_URL", "PORT", "PYTEST_")
READY_S = 120.0


def clean_env(**more: str) -> dict[str, str]:
    """An environment as a customer's shell has it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, "PYTHONWARNINGS": "", **more}


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A folder that does not exist yet, ended and removed afterwards whatever happened."""
    parent = Path(tempfile.mkdtemp(prefix="ph-test-"))
    parent.chmod(0o711)  # as root the server runs as another user, who must be able to walk through
    data = parent / "my house"
    try:
        yield data
    finally:
        for process in processes(data):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: not processes(data))
        shutil.rmtree(parent, ignore_errors=True)
        shutil.rmtree(EmbeddedPostgres(data).socket_folder, ignore_errors=True)


def processes(data: Path) -> list[psutil.Process]:
    """Every living process whose command line or environment carries the data folder or its short name."""
    marks = (str(data), folder_name(data))
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            text = " ".join([*process.cmdline(), *process.environ().values()])
            if any(mark in text for mark in marks):
                found.append(process)
    return found


def left_behind(data: Path) -> list[str]:
    """The command lines of what still runs."""
    found = []
    for process in processes(data):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(f"{process.pid} {' '.join(process.cmdline())}")
    return found


def cli(data: Path, *arguments: str, timeout_s: float = 240.0, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [*CLI, *arguments], env=clean_env(DATA=str(data), **env), capture_output=True, text=True,
        timeout=timeout_s, cwd="/", check=False,
    )  # fmt: skip


FUND = """
import sys, django
django.setup()
from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.ledger.grants import approve_grant, request_grant
with worker_scope("tests"):
    people = [add_operator(f"{name}@house.example", "operator").user_id for name in ("first", "second")]
    tenant = Tenant.objects.get(public_id=sys.argv[1]).id
with ops_scope("operator:first@house.example", "grant"):
    asked = request_grant(people[0], tenant, int(sys.argv[2]), "pilot_grant", "Tests")
    approve_grant(people[1], asked.request)
"""


def fund(data: Path, tenant: str, credits: int, **env: str) -> None:
    """Any number of credits, asked for by one operator and approved by another."""
    done = subprocess.run(
        [sys.executable, "-c", FUND, tenant, str(credits)],
        env=clean_env(DATA=str(data), DJANGO_SETTINGS_MODULE="pilothouse.site.settings", **env),
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def demo(data: Path, *arguments: str, **env: str) -> dict[str, Any]:
    """The proof of a demo that must hold; standard output is the JSON object and nothing else."""
    done = cli(data, "demo", "video", *arguments, "--data", str(data), "--json", **env)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


class LiveTree:
    """`pilothouse up` on a folder."""

    def __init__(self, data: Path, **env: str) -> None:
        self.data = data
        self.env = clean_env(HOUSE_KIND="demo", **env)
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / "up.log"
        self.tenant = ""
        self.key = ""

    def start(self, *options: str) -> "LiveTree":
        """Start it on free ports, without waiting."""
        command = [*CLI, "up", "--data", str(self.data), "--port", "0", "--live-port", "0", *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.env, stdout=log, stderr=log, start_new_session=True, cwd="/"
            )
        return self

    def up(self, *options: str) -> "LiveTree":
        """Start it and wait until it answers."""
        self.start(*options)
        until(lambda: self.state() == "ready" or self.has_ended(), READY_S)
        assert not self.has_ended(), self.output()
        return self

    def state(self) -> str:
        """starting, ready, stopping, or nothing."""
        return str((running(self.data) or {}).get("state", ""))

    @property
    def site(self) -> str:
        """Where the web process answers."""
        live = running(self.data)
        assert live is not None, self.output()
        return str(live["urls"]["site"])

    def output(self) -> str:
        """What the tree printed, all starts together."""
        return self.log.read_text(errors="replace")[-6000:]

    def pid(self, name: str) -> int:
        """The main process of one part: up, web, live, worker or postgres."""
        assert self.process is not None
        if name == "up":
            return self.process.pid
        marks = {"web": "site.wsgi", "live": "site.live", "worker": "cli worker", "postgres": "postgres -D"}
        for child in psutil.Process(self.process.pid).children():
            if marks[name] in " ".join(child.cmdline()):
                return child.pid
        raise AssertionError((name, self.output()))

    def send(self, name: str, number: int) -> None:
        """Signal one process."""
        os.kill(self.pid(name), number)

    def end(self, timeout_s: float = 40.0) -> int:
        """Wait for the supervisor's end; its exit code."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def stop(self) -> None:
        """Ctrl-C, as a person ends it."""
        self.send("up", signal.SIGINT)
        code = self.end()
        assert code == 0, (code, self.output())
        assert left_behind(self.data) == []

    def api(self) -> httpx.Client:
        """A client with the demo customer's key."""
        key = json.loads((self.data / "demo.json").read_text())["api_key"]
        return self.client(key)

    def client(self, key: str) -> httpx.Client:
        """A client with this key."""
        return httpx.Client(base_url=self.site, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False)

    def has_ended(self) -> bool:
        """Whether the supervisor that was started last is gone."""
        return self.process is not None and self.process.poll() is not None
