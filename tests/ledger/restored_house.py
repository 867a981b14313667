"""Run in a process of its own on a restored dump: bring it up, go on posting, seal, and verify the whole chain."""

import json
from pathlib import Path

from ledger_world import World, balances, seal_all

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger import invariants, sealing
from pilothouse.site.migrate import migrate


def main(tenant: int, heads_file: str) -> None:
    """Print what stands after the restore."""
    heads = Path(heads_file)
    migrate()
    before = [str(block) for block in sealing.verify(heads=heads)]
    world = World.open(tenant)
    world.batch("bat_after", 900, 3, 2)
    new = seal_all()
    with worker_scope("test"):
        (numbers,) = run("SELECT tx_offset, (SELECT max(tx) FROM journal) AS highest FROM house")
        blocks = run("SELECT n FROM seal WHERE stream = 'ledger' ORDER BY n")
        broken = [row["name"] for row in invariants.run_invariants() if row["rows"]]
    print(
        json.dumps(
            {
                "before": before,
                "after": [str(block) for block in sealing.verify(heads=heads)],
                "new": [block["n"] for block in new if block["stream"] == "ledger"],
                "blocks": [row["n"] for row in blocks],
                "offset": numbers["tx_offset"],
                "broken": broken,
                "wallet": balances(tenant)["wallet"],
            }
        )
    )
