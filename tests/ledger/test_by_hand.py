"""What an injected statement could write under the web's roles, written: no credits come of it."""

import psycopg
import pytest
from ledger_world import World

from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger import commands
from pilothouse.kernel.ledger.errors import InsufficientCredits
from pilothouse.kernel.ledger.queries import balance

pytestmark = pytest.mark.house
POST = (
    "WITH j AS (INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at, recorded_at,"
    " actor, tx, reverses) SELECT %(tenant)s, %(key)s, 'h', %(kind)s, 'x',"
    " (SELECT base.clock_now()) + %(late)s::interval, clock_timestamp(), 'x', (SELECT base.tx()), %(reverses)s{more}"
    " RETURNING id) INSERT INTO transfer (tenant, journal, debit, credit, amount, kind, item)"
    " SELECT %(tenant)s, j.id, %(debit)s, %(credit)s, 5, %(kind)s, %(item)s FROM j"
)


@pytest.fixture
def world(shared_house):
    return World.open(shared_house.tenant().id, 100)


@pytest.fixture
def web(shared_house, world):
    """The login of the web's processes, in a transaction as `ph_app` of our tenant."""
    with shared_house.connect("ph_web") as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "SELECT set_config('role', 'ph_app', true), set_config('app.tenant', %s, true)", [str(world.tenant)]
        )
        yield connection


def post(connection, world, kind, key, debit, credit, late="0", item=None, reverses=None, more=""):
    """One journal with one transfer by raw SQL, every value of the attacker's choice."""
    connection.execute(
        POST.format(more=more),
        {
            "tenant": world.tenant, "kind": kind, "key": key, "debit": debit, "credit": credit, "late": late,
            "item": item, "reverses": reverses,
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    "key", ["grant:CREDIT:pilot_grant:mine", "grant:TEST:adjustment:mine", "reserve:mine", "grant:", "mine"]
)
def test_a_web_request_cannot_create_credits(web, world, key):
    with pytest.raises(psycopg.Error) as refused:
        post(web, world, "grant", key, world.issued, world.wallet)
    assert refused.value.sqlstate == "PH003"


def test_a_web_request_creates_credits_without_value_only(world):
    with tenant_scope(world.tenant):
        commands.grant(world.tenant, 5_000, "adjustment", "to try", test=True)
        assert (balance(world.tenant, "TEST").available, balance(world.tenant).available) == (5_000, 100)


def test_a_web_request_cannot_turn_a_journal_round(web, world):
    (journal,) = web.execute("SELECT id FROM journal WHERE kind = 'grant'").fetchone()
    with pytest.raises(psycopg.Error, match="turns no journal round"):
        post(web, world, "reverse", f"reverse:{journal}", world.wallet, world.issued, reverses=journal)


@pytest.mark.parametrize("role", ["none", "ph_web", "ph_ops"])
def test_changing_the_role_inside_the_statement_does_not_help(web, world, role):
    """The right to insert is checked when a statement begins; what the role is at its end must not matter."""
    with pytest.raises(psycopg.Error) as refused:
        post(
            web, world, "grant", "grant:CREDIT:x:y", world.issued, world.wallet,
            more=f" FROM (SELECT set_config('role', '{role}', true)) AS s",
        )  # fmt: skip
    assert refused.value.sqlstate in ("42501", "PH003")


def test_work_moves_only_between_its_own_accounts(web, world):
    for kind, debit, credit in (
        ("reserve", world.issued, world.wallet),
        ("reserve", world.issued, world.held),
        ("reserve", world.earned, world.wallet),
        ("reserve", world.held, world.wallet),
        ("refund", world.earned, world.wallet),
        ("refund", world.issued, world.wallet),
        ("settle", world.issued, world.earned),
    ):
        with pytest.raises(psycopg.Error, match="between which its kind does not move"), web.transaction():
            post(web, world, kind, f"{kind}:forged", debit, credit, item=77)


def test_a_held_amount_cannot_be_taken_as_money_back_twice(web, world):
    post(web, world, "reserve", "reserve:a", world.wallet, world.held, item=77)
    post(web, world, "refund", "refund:a", world.held, world.wallet, item=77)
    with pytest.raises(psycopg.errors.UniqueViolation), web.transaction():
        post(web, world, "refund", "refund:b", world.held, world.wallet, item=77)


@pytest.mark.parametrize("late", ["-1 day", "1 day", "-2 minutes", "2 minutes", "infinity"])
def test_a_web_request_cannot_post_into_another_time(web, world, late):
    with pytest.raises(psycopg.Error, match=r"present time only|infinity"):
        post(web, world, "reserve", "reserve:a", world.wallet, world.held, item=77, late=late)


def test_a_web_request_cannot_take_another_commands_key(web, world):
    """An empty journal under the key of tomorrow's grant would make that grant answer as posted."""
    for kind, key in (("reserve", "grant:CREDIT:pilot_grant:tomorrow"), ("settle", "reverse:1"), ("refund", "x")):
        with pytest.raises(psycopg.Error, match="creates no credits"), web.transaction():
            web.execute(
                "INSERT INTO journal (tenant, idempotency_key, request_hash, kind, ref_type, effective_at,"
                " recorded_at, actor, tx) VALUES (%s, %s, 'h', %s, 'x', (SELECT base.clock_now()),"
                " clock_timestamp(), 'x', (SELECT base.tx()))",
                [world.tenant, key, kind],
            )


def test_a_reversal_of_the_worker_is_exact(shared_house, world):
    with worker_scope():
        small = commands.grant(world.tenant, 5, "adjustment", "five").journal
    with shared_house.connect("ph_worker") as worker:
        (first,) = worker.execute(
            "SELECT min(id) FROM journal WHERE tenant = %s AND kind = 'grant'", [world.tenant]
        ).fetchone()
        for debit, credit, reverses in (
            (world.issued, world.wallet, small), (world.wallet, world.issued, first), (world.held, world.earned, small),
        ):  # fmt: skip
            with pytest.raises(psycopg.Error) as refused:
                post(worker, world, "reverse", "reverse:forged", debit, credit, reverses=reverses)
            assert refused.value.sqlstate in ("PH003", "23514")
        with pytest.raises(psycopg.errors.CheckViolation, match="journal_reversal_names_one"):
            post(worker, world, "grant", "grant:CREDIT:x", world.issued, world.wallet, reverses=first)
        with pytest.raises(psycopg.Error, match="names another unit"):
            post(worker, world, "grant", "grant:TEST:x", world.issued, world.wallet)
        with pytest.raises(psycopg.Error, match="at the present time only"):
            post(worker, world, "grant", "grant:CREDIT:x", world.issued, world.wallet, late="-25 hours")


def test_test_and_live_grants_of_one_name_stand_side_by_side(world):
    with worker_scope():
        live = commands.grant(world.tenant, 5, "adjustment", "twins")
        test = commands.grant(world.tenant, 5, "adjustment", "twins", test=True)
        trick = commands.grant(world.tenant, 5, "adjustment", "twins:test")
    assert [posted.replayed for posted in (live, test, trick)] == [False, False, False]
    with worker_scope(), pytest.raises(InsufficientCredits):
        commands.reverse(world.tenant, _spent(world), "spent already")


def _spent(world):
    """A grant whose credits are held for work."""
    journal = commands.grant(world.tenant, 7, "adjustment", "spent").journal
    world.move("reserve", [901], "reserve:all", amount=balance(world.tenant).available)
    return journal
