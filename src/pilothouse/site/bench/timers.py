"""`bench timers`: 5,000 timers of 100,000 open deals are due in the same second, and what 1,000,000 armed ones cost.

Ours is what the worker runs: `fire_due`, with the deals' own handler, the one statement that moves state, money, timers
and timeline, its posting trigger and the escrow's constraint, until nothing is due. The bare limit writes the same rows
by one statement. The idle cost is the processor time, here and in the server, of a tick that finds nothing due.
"""

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from . import limits
from .errors import BenchUnavailable
from .market import Market, seeded_market
from .rounds import Spread, interleaved
from .statements import load
from .table import row
from .world import World

HOLD_S, AIM_S = 2.0, 0.5
IDLE_HOLD_PERCENT, IDLE_AIM_PERCENT = 1.0, 0.2
FIRED = "SELECT count(*) FROM event WHERE tenant = %s AND subject_kind = 'deal' AND type = 'approve'"


class OurTimers:
    """The worker's own path."""

    def __init__(self, world: World, market: Market) -> None:
        self.db, self.market, self.sql = world.connect(), market, load("bare_timers")

    def run(self) -> dict[str, float]:
        """Make a set due in one instant and fire it; each of its timers fires once."""
        from pilothouse.kernel.lifecycle.timers import fire_due
        from pilothouse.programs.deals import timers as _handlers  # noqa: F401

        params = {"tenant": self.market.tenant, "count": limits.TIMERS_DUE_COUNT, "at": _past(self.db)}
        self.db.execute(self.sql["make_due"], params)
        (before,) = self.db.execute(FIRED, [self.market.tenant]).fetchone()
        began = time.perf_counter()
        taken = 0
        while fired := fire_due():
            taken += fired
        took = time.perf_counter() - began
        (after,) = self.db.execute(FIRED, [self.market.tenant]).fetchone()
        assert (taken, after - before) == (limits.TIMERS_DUE_COUNT,) * 2, f"{taken} fired, {after - before} deals moved"
        return {"ours": took}


class BareTimers:
    """The same rows by `sql/bare_timers.sql`."""

    def __init__(self, world: World, market: Market) -> None:
        self.db, self.sql = world.connect(), load("bare_timers")
        for name in ("schema", "fill_accounts", "fill_deals", "fill_timers"):
            self.db.execute(self.sql[name], {"tenant": market.tenant} if name != "schema" else None)
        self.db.execute("VACUUM ANALYZE")

    def run(self) -> dict[str, float]:
        """The same as ours."""
        self.db.execute(self.sql["make_bare_due"], {"count": limits.TIMERS_DUE_COUNT, "at": _past(self.db)})
        began = time.perf_counter()
        (moved,) = self.db.execute(self.sql["fire"]).fetchone()
        took = time.perf_counter() - began
        assert moved == limits.TIMERS_DUE_COUNT, f"{moved} moved"
        return {"bare": took}


def _past(db: Any) -> Any:
    """One instant that is over: its microseconds are cut, so that a whole set shares it."""
    (now,) = db.execute("SELECT statement_timestamp()").fetchone()
    return now.replace(microsecond=0) - timedelta(seconds=1)


def idle_percent(world: World, market: Market) -> tuple[Spread, int]:
    """Percent of one core for a worker's ticks while nothing is due, over chunks of ticks; and how many are armed."""
    from pilothouse.kernel.base.scope import worker_scope
    from pilothouse.kernel.base.sql import run
    from pilothouse.kernel.lifecycle.timers import fire_due
    from pilothouse.kernel.work.limits import IDLE_MAX_S

    sql = load("bare_timers")
    with world.connect() as db:
        db.execute("SET session_replication_role = replica")
        db.execute(sql["arm_idle"], {"tenant": market.tenant, "count": limits.TIMERS_IDLE_COUNT})
        db.execute("VACUUM ANALYZE timer")
        (armed,) = db.execute("SELECT count(*) FROM timer WHERE state = 'armed'").fetchone()
        with worker_scope():
            (backend,) = run("SELECT pg_backend_pid() AS pid")
        shares = []
        for _ in range(limits.IDLE_CHUNKS_COUNT):
            before = time.process_time() + _cpu_s(backend["pid"])
            for _ in range(limits.IDLE_TICKS_COUNT):
                assert fire_due() == 0
            used = time.process_time() + _cpu_s(backend["pid"]) - before
            shares.append(100 * used / (limits.IDLE_TICKS_COUNT * IDLE_MAX_S))
        db.execute(sql["disarm_idle"], {"tenant": market.tenant})
    return Spread.of(shares), armed


def _cpu_s(pid: int) -> float:
    """Processor seconds of a process, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it: seconds of both, their ratio, and the idle cost."""
    if (rounds + 1) * limits.TIMERS_DUE_COUNT > limits.SEED_DEALS_COUNT:
        raise BenchUnavailable(
            name="timers", reason=f"{rounds} rounds need more than {limits.SEED_DEALS_COUNT:,} deals."
        )
    market = seeded_market(world, "Bench timers", False, say)
    ours, bare = OurTimers(world, market), BareTimers(world, market)
    found = interleaved([ours.run, bare.run], rounds, say)
    say("idle")
    idle, armed = idle_percent(world, market)
    seconds = found.spread("ours")
    what = f"{limits.TIMERS_DUE_COUNT:,} timers of {limits.SEED_DEALS_COUNT:,} open deals due in one second"
    return {
        "seconds": seconds.json(),
        "bare_seconds": found.spread("bare").json(),
        "ratio_to_bare": found.ratio("ours", "bare").json(),
        "idle_percent_of_a_core": idle.json(),
        "deals": limits.SEED_DEALS_COUNT,
        "due": limits.TIMERS_DUE_COUNT,
        "armed": armed,
        "rounds": rounds,
        "table": [
            row(f"{what}: all fired", seconds, HOLD_S, AIM_S, unit=" s", less=True),
            row(f"idle cost of {armed:,} armed timers, of one core", idle, IDLE_HOLD_PERCENT, IDLE_AIM_PERCENT,
                unit=" %", less=True),
        ],
    }  # fmt: skip
