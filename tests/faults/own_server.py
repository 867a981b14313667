"""A database server of the test's own that can be killed and started again, with web and worker as on two hosts."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
from fault_world import WORKER, Worker
from live_tree import CLI, clean_env, cli, fund
from patience import until

from pilothouse.kernel.base.leash import Guard
from pilothouse.kernel.base.postgres import EmbeddedPostgres

# Tells the commands that somebody else runs the server of the data folder.
SERVED = {"PILOTHOUSE_TEST_SERVER": "1", "HOUSE_KIND": "demo"}


class OwnServer:
    """PostgreSQL with ordinary durability in a temporary folder."""

    def __init__(self, data: Path, guard: Guard) -> None:
        self.database = EmbeddedPostgres(data)
        self.guard = guard
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, recovering when it was killed."""
        self.database.prepare()
        with (self.database.data.parent / "postgres.log").open("ab") as log:
            self.process = self.database.start(stdout=log, guard=self.guard, death_signal=signal.SIGQUIT)
        self.database.wait_ready()

    def kill(self) -> None:
        """SIGKILL the postmaster; its backends end when they look up."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.guard.forget(self.process.pid)

    def stop(self) -> None:
        """A fast shutdown, as in a restart for maintenance."""
        assert self.process is not None
        self.database.stop()
        self.guard.forget(self.process.pid)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows as a superuser sees them."""
        with psycopg.connect(self.database.dsn(dbname="pilothouse"), autocommit=True) as connection:
            return connection.execute(sql).fetchall()


class Hosts:
    """A web and a worker process on one server, and a customer with an API key."""

    def __init__(self, server: OwnServer, data: Path) -> None:
        self.server = server
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.env = {**SERVED, "SITE_URL": f"http://127.0.0.1:{self.port}"}
        assert cli(data, "migrate", **self.env).returncode == 0
        made = self.command("tenant", "create", "Northwind", "--json")
        self.tenant = made["tenant"]
        fund(data, self.tenant, 100_000, **self.env)
        self.key = self.command("key", "issue", self.tenant, "--rate-limit", "100000", "--json")["key"]
        self.processes: list[Worker] = []

    def command(self, *arguments: str) -> Any:
        """A command's JSON."""
        done = cli(self.data, *arguments, **self.env)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def command_any(self, *arguments: str) -> Any:
        """A command's JSON, whatever its exit code."""
        return json.loads(cli(self.data, *arguments, **self.env).stdout)

    def start(self, *, workers: int = 1) -> None:
        """Start web and workers, and wait until both answer."""
        env = clean_env(
            DATA=str(self.data), CLAIM_LEASE_S="3", VIDEO_PROVIDERS="simulated:1", SIMULATED_LATENCY_S="0.2,2.5",
            SIMULATED_REFUSED="0.1", SIMULATED_LOST_ANSWER="0.05", VIDEO_CONCURRENCY="16", **self.env,
        )  # fmt: skip
        self.processes.append(Worker(env, (*CLI, "web", "--port", str(self.port), "--bind", "127.0.0.1")))
        self.processes += [Worker(env, WORKER) for _ in range(workers)]
        for worker in self.processes[1:]:
            worker.started()
        with self.client() as client:
            until(lambda: self.answer(client, "/v1/credits/balance") == 200, 60)

    def answer(self, client: httpx.Client, path: str) -> int:
        """The status of one GET, 0 when nobody listens."""
        try:
            return client.get(path).status_code
        except httpx.HTTPError:
            return 0

    def client(self) -> httpx.Client:
        """The customer's client."""
        return httpx.Client(
            base_url=self.env["SITE_URL"], headers={"Authorization": f"Bearer {self.key}"}, timeout=40, trust_env=False
        )

    def end(self) -> None:
        """End both."""
        for process in self.processes:
            process.kill()
            process.log.close()


@contextlib.contextmanager
def own_server() -> Iterator[OwnServer]:
    """A started server, gone with its folder at the end, also when the test run is killed."""
    folder = Path(tempfile.mkdtemp(prefix="ph-test-")).resolve()
    folder.chmod(0o711)
    guard = Guard(remove=[folder, EmbeddedPostgres(folder / "data").socket_folder])
    guard.start()
    server = OwnServer(folder / "data", guard)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        guard.close()
        shutil.rmtree(folder, ignore_errors=True)


def body(request_id: str, items: int = 10) -> dict[str, Any]:
    """A request for a batch."""
    wanted = [{"params": {"prompt": f"{request_id} {n}", "seconds": 1}, "metadata": {"n": n}} for n in range(items)]
    return {"request_id": request_id, "items": wanted}
