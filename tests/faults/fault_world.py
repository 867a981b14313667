"""A customer, batches, and real worker processes that can be killed at any step; and the proof afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any, Self

from fault_upstream import PaidUpstream
from patience import until

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.lifecycle.queries import stuck_subjects
from pilothouse.kernel.watch import invariants, promises
from pilothouse.programs.video import commands, intake
from pilothouse.programs.video.prices import publish_default_price
from pilothouse.site.programs import load_programs

LEASE_S = 2
WORKER = (sys.executable, "-m", "pilothouse.site.cli", "worker")
# Claims what is due, says so, and waits for its death: a worker that dies between its claim and its first step.
CLAIMER = """
import time
from pilothouse.site.cli import setup
setup()
from pilothouse.programs.video.tasks import pumps
(pump,) = pumps()
print(len(pump.claim(100)), flush=True)
time.sleep(600)
"""


class Worker:
    """A worker process; `kill` is SIGKILL."""

    def __init__(self, env: dict[str, str], argv: tuple[str, ...] = WORKER, stdout: int | None = None) -> None:
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            argv, env=env, stdout=self.log if stdout is None else stdout, stderr=self.log, start_new_session=True
        )

    @property
    def output(self) -> str:
        """What it logged so far."""
        return os.pread(self.log.fileno(), 1 << 24, 0).decode(errors="replace")

    def send(self, number: int) -> None:
        """Signal it."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and its render processes with it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def started(self) -> Self:
        """Wait until it claims."""
        until(lambda: "worker_started" in self.output or self.process.poll() is not None)
        assert self.process.poll() is None, self.output
        return self


class World:
    """One customer on a house, with workers whose lease is LEASE_S seconds."""

    def __init__(self, house: Any, upstream: PaidUpstream, credits: int = 1_000) -> None:
        self.house = house
        self.upstream = upstream
        self.workers: list[Worker] = []
        load_programs()
        self.tenant = house.tenant()
        with worker_scope():
            publish_default_price()
            grant(self.tenant.id, credits, "pilot_grant", "Pilot")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.upstream.let_go()
        for worker in self.workers:
            if error is not None:
                print(worker.output[-6000:])
            worker.kill()
            worker.log.close()

    def env(self, **more: str) -> dict[str, str]:
        """A worker's environment."""
        return dict(self.house.env(**{**self.upstream.env(), "CLAIM_LEASE_S": str(LEASE_S), **more}))

    def worker(self, **more: str) -> Worker:
        """A real worker process that claims."""
        self.workers.append(Worker(self.env(**more)))
        return self.workers[-1].started()

    def claimer(self) -> tuple[Worker, int]:
        """A process that has claimed what is due and does nothing with it; and how much that was."""
        worker = Worker(self.env(), (sys.executable, "-c", CLAIMER), subprocess.PIPE)
        self.workers.append(worker)
        assert worker.process.stdout is not None
        line = worker.process.stdout.readline()
        assert line, worker.output
        return worker, int(line)

    def batch(self, items: int = 10, refused: int = 1, request_id: str = "order-1", **more: Any) -> str:
        """A batch of which `refused` items are refused upstream."""
        wanted = [
            {"params": {"prompt": f"{'refuse' if n < refused else 'mug'} {n}", "seconds": 1}, "metadata": {"n": n}}
            for n in range(items)
        ]
        with tenant_scope(self.tenant.id, "key:test"):
            return commands.create_batch(request_id, intake.items(wanted), **more).batch_id

    def rows(self, sql: str, params: Any = None) -> list[dict[str, Any]]:
        """Rows over all tenants."""
        with worker_scope("test"):
            return run(sql, params)

    def one(self, sql: str, params: Any = None) -> Any:
        """The only value of the only row."""
        ((value,),) = (tuple(row.values()) for row in self.rows(sql, params))
        return value

    def count(self, state: str) -> int:
        """Items in a state."""
        return int(self.one("SELECT count(*) AS n FROM item WHERE state = %s", [state]))

    def wait_completed(self, patience_s: float = 120.0) -> None:
        """Wait until no batch is open."""
        until(lambda: self.one("SELECT count(*) AS n FROM batch WHERE state <> 'completed'") == 0, patience_s, 0.1)

    @contextlib.contextmanager
    def locked(self, sql: str) -> Iterator[None]:
        """Hold row locks from a connection of our own, as `ph_worker`."""
        with self.house.connect("ph_worker") as connection, connection.transaction():
            connection.execute(sql)
            yield

    def wait_blocked(self, statement: str) -> None:
        """Wait until a statement that holds this text waits for a lock."""
        with self.house.admin() as admin:
            until(
                lambda: admin.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
                    " AND strpos(query, %s) > 0",
                    [self.house.name, statement],
                ).fetchone()[0]
            )

    def prove(self, settled: int, refunded: int, batches: int = 1) -> None:
        """Nothing is lost and nothing doubled: every item ended once, with one transfer, and one message a batch."""
        total = settled + refunded
        (sums,) = self.rows("SELECT count(*) AS n, sum(reserved)::int AS reserved, sum(settled)::int AS settled,"
                            " sum(refunded)::int AS refunded FROM batch WHERE state = 'completed'")  # fmt: skip
        assert sums == {"n": batches, "reserved": total * 10, "settled": settled * 10, "refunded": refunded * 10}
        ended = self.rows("SELECT state, count(*)::int AS n FROM item GROUP BY state ORDER BY state")
        expected = [("refunded", refunded), ("succeeded", settled)]
        assert [(row["state"], row["n"]) for row in ended] == [each for each in expected if each[1]]
        moved = self.rows(
            "SELECT item, count(*)::int AS n FROM transfer WHERE kind IN ('settle', 'refund') GROUP BY item"
        )
        assert [row["n"] for row in moved] == [1] * total
        assert self.one("SELECT count(*) AS n FROM message") == batches
        files = self.one(
            "SELECT count(*) AS n FROM item i JOIN file f ON f.public_id = i.output AND f.state = 'stored'"
        )
        assert files == settled
        events = self.rows(
            "SELECT coalesce(sum(jsonb_array_length(data -> 'items')), 0)::int AS n FROM event"
            " WHERE subject_kind = 'batch_items' AND type = 'succeeded'"
        )
        assert events == [{"n": settled}]
        assert self.one("SELECT count(*) AS n FROM item WHERE stuck_error IS NOT NULL OR lease_until IS NOT NULL") == 0
        assert [(r.promise.check_name, r.seen.sample) for r in promises.run() if not r.seen.ok] == []
        assert [(each["name"], each["sample"]) for each in invariants.run_all() if each["rows"]] == []
        with worker_scope("test"):
            assert stuck_subjects() == []
