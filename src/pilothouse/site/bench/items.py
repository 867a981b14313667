"""`bench items`: claimed → no-op → settled, against the bare loop and against one Procrastinate job per item.

Ours is the worker's own way: `ItemPump.claim` leases a chunk as `ph_worker` under row-level security, a no-op step is
made for each row, `write_steps` ends the chunk with its money, timeline and counters, and completes its batches with
their webhook message.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from . import limits
from .rounds import interleaved
from .statements import load
from .table import row
from .world import ACTOR, World

HOLD_TO_BARE, AIM_TO_BARE = 0.5, 0.8
HOLD_TO_PEER, AIM_TO_PEER = 30.0, 50.0


class Open:
    """The providers as the claim sees them: with room. The no-op asks none of them anything."""

    def room(self) -> int:
        """Enough for every chunk."""
        return limits.ITEMS_PER_ROUND_COUNT

    def claimed(self, count: int) -> None:
        """Nothing is submitted, so nothing is counted."""


class OurItems:
    """The real loop on real batches."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made = 0

    def fill(self) -> None:
        """Create the round's batches through the real command; not measured."""
        from pilothouse.kernel.base.scope import tenant_scope
        from pilothouse.programs.video import commands, intake

        for number in range(limits.ITEMS_PER_ROUND_COUNT // limits.BATCH_ITEMS_COUNT):
            tenant = self.world.tenants[number % len(self.world.tenants)]
            self.made += 1
            wanted = intake.items(
                [{"params": {"prompt": f"a mug on a table {n}"}} for n in range(limits.BATCH_ITEMS_COUNT)]
            )
            with tenant_scope(tenant, ACTOR):
                commands.create_batch(f"bench-{self.made}", wanted)

    def run(self) -> dict[str, float]:
        """Items a second from claim to settlement."""
        from pilothouse.programs.video.endings import Ending
        from pilothouse.programs.video.execution import ItemPump, write_steps
        from pilothouse.programs.video.steps import Step

        def no_op(claimed: dict[str, Any]) -> Step:
            """A step that succeeded without doing anything."""
            step = Step.of(claimed)
            step.ending = Ending(
                claimed["id"], "succeeded", token=claimed["token"], output="file_none", size_bytes=0,
                media_sha256="0" * 64,
            )  # fmt: skip
            return step

        self.fill()
        pump = ItemPump(Open(), limits.CHUNK_ROWS)  # type: ignore[arg-type]
        done = 0
        began = time.perf_counter()
        while rows := pump.claim(limits.CHUNK_ROWS):
            done += write_steps([no_op(claimed) for claimed in rows]).count
        took = time.perf_counter() - began
        assert done == limits.ITEMS_PER_ROUND_COUNT, f"{done} items ended"
        return {"ours": done / took}


class BareItems:
    """The limit: `sql/bare_queue.sql` and nothing else."""

    def __init__(self, world: World) -> None:
        self.db = world.connect()
        self.sql = load("bare_queue")
        self.db.execute(self.sql["schema"])

    def run(self) -> dict[str, float]:
        """Items a second from claim to completion."""
        self.db.execute(self.sql["fill"], {"count": limits.ITEMS_PER_ROUND_COUNT})
        done = 0
        began = time.perf_counter()
        while rows := self.db.execute(self.sql["claim"], {"count": limits.CHUNK_ROWS}).fetchall():
            results, hashes = ["file_none" for _ in rows], ["0" * 64 for _ in rows]
            done += self.db.execute(
                self.sql["complete"],
                {
                    "ids": [key for key, *_ in rows],
                    "tokens": [token for _, token, *_ in rows],
                    "results": results,
                    "hashes": hashes,
                },
            ).rowcount
        took = time.perf_counter() - began
        assert done == limits.ITEMS_PER_ROUND_COUNT, f"{done} items ended"
        return {"bare": done / took}


@contextmanager
def procrastinate_jobs(world: World) -> Iterator[Callable[[], dict[str, float]]]:
    """The peer: one no-op job per item on a worker of Procrastinate, in a schema beside ours."""
    import procrastinate
    from procrastinate.types import JSONValue

    with world.connect() as db:
        db.execute("CREATE SCHEMA procrastinate")
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=world.url(), kwargs={"options": "-c search_path=procrastinate"}
        )
    )

    @app.task(name="nothing")
    async def nothing(item: int) -> None:
        """The no-op."""

    async def round_() -> float:
        async with app.open_async():
            jobs: list[dict[str, JSONValue]] = [{"item": n} for n in range(limits.PROCRASTINATE_JOBS_COUNT)]
            await nothing.configure().batch_defer_async(*jobs)
            began = time.perf_counter()
            await app.run_worker_async(
                wait=False,
                concurrency=limits.PROCRASTINATE_CONCURRENCY,
                listen_notify=False,
                install_signal_handlers=False,
            )
            return limits.PROCRASTINATE_JOBS_COUNT / (time.perf_counter() - began)

    async def prepare() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()

    asyncio.run(prepare())
    yield lambda: {"procrastinate": asyncio.run(round_())}


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it; the report of proof 4: rates, ratios, rounds, spread and whether the peer's ratio is void."""
    ours, bare = OurItems(world), BareItems(world)
    with procrastinate_jobs(world) as peer:
        found = interleaved([ours.run, bare.run, peer], rounds, say)
    to_bare, to_peer = found.ratio("ours", "bare"), found.ratio("ours", "procrastinate")
    bare_to_peer = found.ratio("bare", "procrastinate")
    void = bare_to_peer.median < limits.BARE_TO_PEER_MIN_RATIO
    return {
        "rate": round(found.spread("ours").median),
        "bare_rate": round(found.spread("bare").median),
        "procrastinate_rate": round(found.spread("procrastinate").median),
        "ratio_to_bare": round(to_bare.median, 3),
        "ratio_to_procrastinate": round(to_peer.median, 1),
        "bare_to_procrastinate": round(bare_to_peer.median, 1),
        "void": void,
        "rounds": rounds,
        "items_per_round": limits.ITEMS_PER_ROUND_COUNT,
        "chunk": limits.CHUNK_ROWS,
        "spread": {
            "rate": found.spread("ours").json(0),
            "bare_rate": found.spread("bare").json(0),
            "procrastinate_rate": found.spread("procrastinate").json(0),
            "ratio_to_bare": to_bare.json(),
            "ratio_to_procrastinate": to_peer.json(1),
        },
        "table": [
            row("items settled ÷ bare loop", to_bare, HOLD_TO_BARE, AIM_TO_BARE),
            row("items settled ÷ Procrastinate, one job an item", to_peer, HOLD_TO_PEER, AIM_TO_PEER, void=void),
        ],
    }
