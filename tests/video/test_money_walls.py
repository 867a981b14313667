"""The walls around a batch's money, attacked from inside the database and by racing endings."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.db import connections

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch import promises
from pilothouse.programs.video import commands, intake
from pilothouse.programs.video.endings import Ending, end_items, end_open
from pilothouse.programs.video.errors import BatchCompleted
from pilothouse.programs.video.execution import ItemPump
from pilothouse.programs.video.models import Batch
from pilothouse.programs.video.prices import publish_default_price

pytestmark = pytest.mark.house


class Idle:
    """A dispatcher that lets everything be claimed and is never asked to make anything."""

    def room(self) -> int:
        return 1_000

    def claimed(self, change: int) -> None:
        """Nothing is submitted here."""


@pytest.fixture
def tenant(house):
    made = house.tenant()
    with worker_scope():
        publish_default_price()
        grant(made.id, 1_000, "pilot_grant", "Enterprise Pilot - Northwind")
    return made


def create(tenant, request_id="order-1"):
    items = intake.items([{"params": {"prompt": f"mug {n}"}} for n in range(10)])
    with tenant_scope(tenant.id):
        return commands.create_batch(request_id, items)


@pytest.mark.tamper
def test_our_posting_function_cannot_be_hung_on_another_table(house, tenant):
    with house.connect("ph_web") as web, web.transaction():
        web.execute("SELECT set_config('role', 'ph_app', true), set_config('app.tenant', %s, true)", [str(tenant.id)])
        with pytest.raises(psycopg.errors.InsufficientPrivilege), web.transaction():
            web.execute("CREATE TEMP TABLE t (tenant bigint)")
    with house.connect("ph_worker") as worker, pytest.raises(psycopg.errors.InsufficientPrivilege):
        worker.execute("CREATE TEMP TABLE t (tenant bigint)")
    with house.admin() as admin:
        admin.execute("CREATE TABLE posed (LIKE transfer INCLUDING DEFAULTS)")
        admin.execute(
            "CREATE TRIGGER x AFTER INSERT ON posed REFERENCING NEW TABLE AS posted"
            " FOR EACH STATEMENT EXECUTE FUNCTION ledger_post()"
        )
        with pytest.raises(psycopg.Error, match="only a row in transfer"):
            admin.execute(
                "INSERT INTO posed (id, tenant, journal, debit, credit, amount, kind) VALUES (1,1,1,1,2,5,'x')"
            )


@pytest.mark.parametrize("amount", [5, 20])
def test_an_item_ends_with_what_was_reserved_for_it_or_not_at_all(house, tenant, amount):
    create(tenant)
    with worker_scope(), pytest.raises(Exception, match="another amount than was reserved"):
        run(
            "WITH j AS (INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at,"
            " recorded_at, actor, tx) SELECT %(t)s, 'forged', 'x', 'settle', 'batch_item', base.clock_now(),"
            " clock_timestamp(), 'x', base.tx() RETURNING id)"
            " INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)"
            " SELECT %(t)s, j.id, r.credit, b.earned_account, %(amount)s, 'settle', r.item"
            " FROM j, batch b, transfer r WHERE r.kind = 'reserve' ORDER BY r.item LIMIT 1",
            {"t": tenant.id, "amount": amount},
        )
    with tenant_scope(tenant.id):
        assert balance(tenant.id).held == 100


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        ("UPDATE terms SET body = '{\"cost_per_video\": 7}'", "the price is 10 and the pinned terms say 7"),
        ("UPDATE batch SET mode = 'test'", "a batch of mode test in CREDIT"),
        ("UPDATE batch SET earned_account = wallet_account", "has for its credits_earned account the wallet account"),
    ],
)
@pytest.mark.tamper
def test_billing_sees_another_price_unit_or_account(house, tenant, plant, what):
    create(tenant)
    with house.admin() as admin:
        for table in ("terms", "batch"):
            admin.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        admin.execute("ALTER TABLE batch DROP CONSTRAINT IF EXISTS batch_mode_has_its_unit")
        admin.execute(plant)
    (billing,) = promises.run(["billing"])
    said = " ".join(str(row["what"]) for row in billing.seen.sample)
    assert not billing.seen.ok
    assert what in said, said


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mode": "test"}, "batch_mode_has_its_unit"),
        ({"unit": "TEST"}, "batch_mode_has_its_unit"),
        ({"mode": "test", "unit": "TEST"}, "another tenant, kind or unit"),
        ({"wallet_account": "held_account"}, "another tenant, kind or unit"),
        ({"earned_account": "wallet_account"}, "another tenant, kind or unit"),
        ({"held_account": "held_account + 1000"}, "another tenant, kind or unit"),
    ],
)
def test_a_batch_works_in_the_unit_of_its_mode(house, tenant, changes, says):
    """Written by raw SQL under the web's own role: a live batch paid in test credits, or the other way round."""
    create(tenant)
    with house.connect("ph_web") as web, web.transaction(force_rollback=True):
        web.execute("SELECT set_config('role', 'ph_app', true), set_config('app.tenant', %s, true)", [str(tenant.id)])
        columns = [row[0] for row in web.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'batch'::regclass AND attnum > 0 AND attname <> 'id'"
            " AND NOT attisdropped"
        )]  # fmt: skip
        values = {name: name for name in columns} | {"public_id": "'bat_forged'", "request_id": "'forged'"}
        values |= {name: value if name.endswith("account") else f"'{value}'" for name, value in changes.items()}
        with pytest.raises(psycopg.Error, match=says):
            web.execute(
                f"INSERT INTO batch ({', '.join(columns)})"
                f" SELECT {', '.join(values[name] for name in columns)} FROM batch"
            )


def test_deadline_cancel_and_workers_race_without_deadlock_or_double(house, tenant):
    made = [create(tenant, f"order-{n}") for n in range(10)]
    failures: list[BaseException] = []

    def guarded(work):
        def call():
            try:
                work()
            except BatchCompleted:
                pass
            except BaseException as error:
                failures.append(error)
            finally:
                connections.close_all()

        return call

    def worker():
        for _ in range(12):
            rows = ItemPump(Idle(), 100).claim(9)
            for row in rows:
                with worker_scope():
                    end_items(
                        [Ending(row["id"], "succeeded", token=row["token"], output="file_x", media_sha256="0" * 64)],
                        from_state="running",
                        claim=f"{row['id']}",
                    )

    def deadline():
        with worker_scope():
            ids = list(Batch.objects.order_by("id").values_list("id", flat=True))
            end_open(ids, reason="timeout", claim="deadline")

    def cancel():
        for batch in made:
            with tenant_scope(tenant.id):
                commands.cancel_batch(batch.batch_id)

    threads = [threading.Thread(target=guarded(work)) for work in (worker, worker, cancel, deadline, deadline)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    deadline()
    with tenant_scope(tenant.id):
        rows = Batch.objects.all()
        assert {row.state for row in rows} == {"completed"}
        settled = sum(row.settled for row in rows)
        assert (balance(tenant.id).available, balance(tenant.id).held) == (1_000 - settled, 0)
        assert run("SELECT count(*) AS n FROM message")[0]["n"] == 10
        ends = run("SELECT count(*) AS n, count(DISTINCT item) AS items FROM transfer WHERE kind <> 'reserve'"
                   " AND item IS NOT NULL")  # fmt: skip
    assert ends == [{"n": 100, "items": 100}]
    assert all(result.seen.ok for result in promises.run())
