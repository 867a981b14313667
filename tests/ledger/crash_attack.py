"""Run in a process of its own, on a server of its own: money moves while backends are killed by SIGKILL.

Prints one JSON object: what was acknowledged, what stands, and what the invariants say.
"""

import json
import os
import random
import signal
import threading
import time

from django.db import Error, InterfaceError, connections
from ledger_world import COST, World, balances

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import invariants, sealing
from pilothouse.kernel.ledger.grants import approve_grant, request_grant
from pilothouse.kernel.ledger.queries import balance
from pilothouse.site.migrate import migrate

WRITERS = 4
ROUNDS = 15
KILLS = 3
DEADLINE_S = 90
ENOUGH = threading.Event()


def until_it_answers(act):
    """Do `act` again until the server answers: what happened in between is told by the key alone."""
    for _ in range(200):
        try:
            with worker_scope("crash"):
                return act()
        except PilothouseError:
            raise
        except (Error, InterfaceError):
            connections.close_all()
            time.sleep(0.05)
    raise SystemExit("the server never came back")


def write(world, number, acknowledged):
    chance = random.Random(number)
    turn = 0
    while turn < ROUNDS or not ENOUGH.is_set():
        turn += 1
        first = number * 1_000_000 + turn * 10
        items = list(range(first, first + chance.randint(1, 8)))
        # Most come back, so that the money lasts as long as the killing takes.
        good = items[: chance.random() < 0.2]
        bad = items[len(good) :]
        for kind, chosen in (("reserve", items), ("settle", good), ("refund", bad)):
            if chosen:
                key = f"{kind}:{first}"
                until_it_answers(lambda kind=kind, chosen=chosen, key=key: world.move(kind, chosen, key))
                acknowledged[key] = (kind, len(chosen))
    connections.close_all()


def kill_backends():
    """SIGKILL a backend that is inside a transaction, as the kernel's out-of-memory killer would."""
    killed, end = 0, time.monotonic() + DEADLINE_S
    while killed < KILLS and time.monotonic() < end:
        rows = until_it_answers(
            lambda: run(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'ph_worker' AND backend_xid IS NOT NULL"
                " AND pid <> pg_backend_pid() AND datname = current_database() LIMIT 1"
            )
        )
        for row in rows:
            try:
                os.kill(row["pid"], signal.SIGKILL)
                killed += 1
                time.sleep(0.5)
            except ProcessLookupError:
                continue
        time.sleep(0.01)
    ENOUGH.set()
    return killed


def main():
    migrate()
    with worker_scope("crash"):
        tenant = Tenant.objects.create(name="Crash", created_at=clock.now())
        first, second = (add_operator(f"{name}@crash.example", "operator").user_id for name in "ab")
    world = World.open(tenant.id, 1000)
    for n in range(10):
        with worker_scope("crash"):
            asked = request_grant(first, tenant.id, 1000, "purchase", f"more {n}")
            if asked.state == "requested":
                approve_grant(second, asked.request)
    acknowledged: dict[str, tuple[str, int]] = {}
    threads = [threading.Thread(target=write, args=(world, n, acknowledged)) for n in range(WRITERS)]
    for thread in threads:
        thread.start()
    killed = kill_backends()
    for thread in threads:
        thread.join()
    # Our own connection may have died with the last kill, while the server recovers.
    until_it_answers(lambda: run("SELECT 1"))
    sealing.seal()
    with worker_scope("crash"):
        standing = {
            row["idempotency_key"]: (row["kind"], row["n"])
            for row in run(
                "SELECT j.idempotency_key, j.kind, count(t.id) AS n FROM journal j JOIN transfer t ON t.journal = j.id"
                " WHERE j.kind IN ('reserve', 'settle', 'refund') GROUP BY j.id"
            )
        }
        now = balance(tenant.id)
        broken = [row["name"] for row in invariants.run_invariants() if row["rows"]]
    settled = sum(n for kind, n in acknowledged.values() if kind == "settle")
    print(
        json.dumps(
            {
                "killed": killed,
                "acknowledged": len(acknowledged),
                "same": standing == acknowledged,
                "available": now.available,
                "expected": 11_000 - settled * COST,
                "held": now.held,
                "total": sum(balances(tenant.id).values()),
                "broken": broken,
                "seals": [str(block) for block in sealing.verify()],
            }
        )
    )
