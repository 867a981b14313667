"""`bench ledger`: reserve, settle and refund of 1,000 items, against the bare statements that write the same rows.

Ours are the real commands: `create_batch` (idempotency, gate, size, price, balance, the reservation) as `ph_app` under
row-level security, and `end_items` as `ph_worker`, each with its guards, triggers and timeline. The claim between them
is not measured.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from . import limits
from .rounds import interleaved
from .statements import load
from .table import row
from .world import ACTOR, World

HOLD, AIM = 0.6, 0.9
MOVES = ("reserve", "settle", "refund")
PARAMS = {"prompt": "a mug on a table", "aspect": "9:16", "seconds": 4}


def rate(act: Callable[[], int]) -> float:
    """Items a second of one act that returns how many it moved."""
    began = time.perf_counter()
    moved = act()
    took = time.perf_counter() - began
    assert moved == limits.LEDGER_ITEMS_COUNT, f"{moved} items moved"
    return moved / took


class OurLedger:
    """The real commands on real tables."""

    def __init__(self, world: World) -> None:
        self.made = 0
        self.tenant = world.tenants[0]

    def run(self) -> dict[str, float]:
        """Reserve and settle a batch; reserve another outside the measurement and refund it."""
        found = {"ours reserve": rate(self._create), "ours settle": self._end("succeeded", None)}
        self._create()
        return {**found, "ours refund": self._end("refunded", "model_error")}

    def _create(self) -> int:
        from pilothouse.kernel.base.scope import tenant_scope
        from pilothouse.programs.video import commands, intake

        self.made += 1
        wanted = [intake.NewItem(PARAMS, None, {}) for _ in range(limits.LEDGER_ITEMS_COUNT)]
        with tenant_scope(self.tenant, ACTOR):
            commands.create_batch(f"ledger-{self.made}", wanted)
        return len(wanted)

    def _end(self, state: str, reason: str | None) -> float:
        from pilothouse.kernel.base.scope import worker_scope
        from pilothouse.programs.video.endings import Ending, end_items
        from pilothouse.programs.video.execution import ItemPump

        from .items import Open

        pump = ItemPump(Open(), limits.LEDGER_ITEMS_COUNT)  # type: ignore[arg-type]
        claimed = pump.claim(limits.LEDGER_ITEMS_COUNT)
        good = {"output": "file_none", "size_bytes": 0, "media_sha256": "0" * 64} if reason is None else {}
        endings = [Ending(r["id"], state, token=r["token"], reason=reason, **good) for r in claimed]  # type: ignore[arg-type]

        def act() -> int:
            with worker_scope(ACTOR):
                return end_items(endings, from_state="running", claim=f"{state}{self.made}").count

        return rate(act)


class BareLedger:
    """The same rows by `sql/bare_ledger.sql`."""

    def __init__(self, world: World) -> None:
        self.made = 0
        self.db = world.connect()
        self.sql = load("bare_ledger")
        self.db.execute(self.sql["schema"])
        # After ten runs the driver's generic plan reads the whole table, which would slow the limit down tenfold.
        self.db.execute("SET plan_cache_mode = force_custom_plan")
        self.ids: list[int] = []

    def run(self) -> dict[str, float]:
        """The same as ours."""
        found = {"bare reserve": rate(self._create), "bare settle": self._end("settle")}
        self._create()
        return {**found, "bare refund": self._end("refund")}

    def _create(self) -> int:
        from pilothouse.kernel.base.ids import new_id, new_ids

        self.made += 1
        found = self.db.execute(
            self.sql["reserve"],
            {
                "public_id": new_id("bat"),
                "total": limits.LEDGER_ITEMS_COUNT,
                "item_ids": new_ids("itm", limits.LEDGER_ITEMS_COUNT),
                "params": [json.dumps(PARAMS) for _ in range(limits.LEDGER_ITEMS_COUNT)],
            },
        )
        self.ids = [key for (key,) in found.fetchall()]
        return len(self.ids)

    def _end(self, move: str) -> float:
        from pilothouse.kernel.base.sql import array_literal

        self.db.execute(self.sql["start"])
        self.db.execute(self.sql["start_batch"])
        count = len(self.ids)
        results: dict[str, Any] = {"ids": self.ids, "tokens": [1] * count}
        if move == "settle":
            results |= {"outputs": ["file_none"] * count, "bytes": [0] * count, "hashes": ["0" * 64] * count}
        else:
            results |= {"reasons": ["model_error"] * count}

        def act() -> int:
            given = {name: array_literal(values) for name, values in results.items()}
            (done,) = self.db.execute(self.sql[move], {**given, "key": str(self.made)}).fetchone()
            return int(done)

        return rate(act)


def bench(world: World, rounds: int, say: Callable[[str], Any]) -> dict[str, Any]:
    """Run it: for each move both rates and their ratio."""
    ours, bare = OurLedger(world), BareLedger(world)
    found = interleaved([ours.run, bare.run], rounds, say)
    ratios = {move: found.ratio(f"ours {move}", f"bare {move}") for move in MOVES}
    return {
        **{
            move: {
                "rate": round(found.spread(f"ours {move}").median),
                "bare_rate": round(found.spread(f"bare {move}").median),
                "ratio_to_bare": ratios[move].json(),
            }
            for move in MOVES
        },
        "rounds": rounds,
        "items": limits.LEDGER_ITEMS_COUNT,
        "table": [
            row(f"{move} of {limits.LEDGER_ITEMS_COUNT:,} items ÷ bare statement", ratios[move], HOLD, AIM)
            for move in MOVES
        ],
    }
