"""A world with one completed batch, made by the program's own commands: what the checks have to find green."""

from dataclasses import dataclass

from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.commands import grant, reverse
from pilothouse.kernel.ledger.grants import grant_by_shell
from pilothouse.programs.video import intake
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.endings import Ending, end_items
from pilothouse.programs.video.execution import ItemPump
from pilothouse.programs.video.prices import publish_default_price


@dataclass(frozen=True)
class Made:
    """A tenant's key and its batch: internal id, public id, and the ids of its items in order."""

    tenant: int
    batch: int
    public_id: str
    items: list[int]


def open_batch(house, tenant=None, request_id="order-1", count=10, entry="api", prompt="A kettle") -> Made:
    """A batch that was created and paid for, with nothing dispatched yet."""
    tenant = tenant or house.tenant()
    with worker_scope():
        publish_default_price()
    items = intake.items([{"params": {"prompt": f"{prompt} {n}"}, "metadata": {"n": n}} for n in range(count)])
    with ops_scope("cli:test"):
        grant_by_shell(tenant.id, count * 10, "pilot_grant", f"for {request_id}")
    with tenant_scope(tenant.id, "customer"):
        created = create_batch(request_id, items, entry=entry)
        (batch,) = run("SELECT id FROM batch WHERE public_id = %s", [created.batch_id])
        rows = run("SELECT id FROM item WHERE batch = %s ORDER BY position", [batch["id"]])
    return Made(tenant.id, batch["id"], created.batch_id, [row["id"] for row in rows])


class Idle:
    """A dispatcher that lets everything be claimed and is never asked to make anything."""

    def room(self) -> int:
        return 1_000

    def claimed(self, change: int) -> None:
        """Nothing is submitted here."""


def claim() -> list[dict]:
    """What a worker would take now."""
    return ItemPump(Idle(), 500).claim(500)


def complete(made: Made, failed: int = 2) -> Made:
    """Dispatch every item and end it: the last `failed` ones refused by the provider, the others with an output."""
    claimed = [row for row in claim() if row["batch"] == made.batch]
    claimed.sort(key=lambda row: row["id"])
    with worker_scope():
        run("UPDATE item SET provider = 'local' WHERE batch = %s", [made.batch])
        end_items(
            [
                Ending(row["id"], "refunded", row["token"], reason="model_error")
                if n >= len(claimed) - failed
                else Ending(row["id"], "succeeded", row["token"], None, f"out/{n}.mp4", 1000, f"{n:064x}")
                for n, row in enumerate(claimed)
            ],
            from_state="running",
            claim=f"test-{made.batch}",
        )
    return made


def completed_batch(house, **options) -> Made:
    """A completed batch of ten: eight succeeded, two failed and refunded."""
    return complete(open_batch(house, **options))


def sealed_world(house) -> Made:
    """One tenant with a completed and an open batch, a reversed journal, and everything sealed."""
    from ledger_world import seal_all

    tenant = house.tenant()
    made = completed_batch(house, tenant=tenant)
    open_batch(house, tenant=tenant, request_id="order-2", prompt="A pan")
    with worker_scope():
        mistake = grant(tenant.id, 7, "adjustment", "a mistake")
        reverse(tenant.id, mistake.journal, "a mistake")
    seal_all()
    return made
