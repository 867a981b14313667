"""The posting trigger and the walls around it."""

import psycopg
import pytest

from pilothouse.kernel.base.scope import ScopeMissing, tenant_scope, worker_scope
from pilothouse.kernel.ledger import commands
from pilothouse.kernel.ledger.errors import AlreadyReversed, InsufficientCredits, KeyConflict, NotReversible
from pilothouse.kernel.ledger.models import Account, Journal, Transfer
from pilothouse.kernel.ledger.queries import balance

pytestmark = pytest.mark.house


def test_grant_moves_the_wallet_once(house):
    tenant = house.tenant()
    with worker_scope():
        first = commands.grant(tenant.id, 100, "pilot_grant", "Enterprise Pilot - Northwind")
        again = commands.grant(tenant.id, 100, "pilot_grant", "Enterprise Pilot - Northwind")
        assert balance(tenant.id).available == 100
        with pytest.raises(KeyConflict):
            commands.grant(tenant.id, 200, "pilot_grant", "Enterprise Pilot - Northwind")
    assert (first.replayed, again.replayed, first.journal) == (False, True, again.journal)
    with tenant_scope(tenant.id):
        assert balance(tenant.id).available == 100
        assert Journal.objects.count() == Transfer.objects.count() == 1


def test_reversal_returns_the_money_once_and_respects_the_floor(house):
    tenant = house.tenant()
    with worker_scope():
        granted = commands.grant(tenant.id, 100, "pilot_grant", "a")
        wallet, held = commands.open_accounts(tenant.id, [("wallet", "", "CREDIT"), ("held", "", "CREDIT")])
        leg = commands.Leg(wallet, held, 60, 1)
        held_back = commands.post(tenant.id, "reserve:1", "reserve", [leg], request={}, ref_type="x")
        with pytest.raises(InsufficientCredits) as refused:
            commands.reverse(tenant.id, granted.journal, "granted by mistake")
        assert refused.value.details == {"needed": 100, "available": 40}
        with pytest.raises(NotReversible):
            commands.reverse(tenant.id, held_back.journal, "released")
        leg = commands.Leg(held, wallet, 60, 1)
        commands.post(tenant.id, "refund:1", "refund", [leg], request={}, ref_type="x")
        turned = commands.reverse(tenant.id, granted.journal, "granted by mistake")
        assert balance(tenant.id).available == 0
        assert commands.reverse(tenant.id, granted.journal, "again") == commands.Posted(turned.journal, True)
        with pytest.raises(NotReversible):
            commands.reverse(tenant.id, turned.journal, "after all")
        with pytest.raises(AlreadyReversed):
            commands.post(
                tenant.id, "other key", "reverse", [commands.Leg(held, wallet, 1)], request={}, ref_type="x",
                reverses=granted.journal,
            )  # fmt: skip


def test_a_query_outside_a_scope_raises(house):
    with pytest.raises(ScopeMissing):
        Account.objects.count()


def test_another_tenants_account_is_refused_even_to_the_worker(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with worker_scope():
        commands.grant(two.id, 100, "pilot_grant", "b")
    with tenant_scope(two.id):
        (theirs,) = commands.open_accounts(two.id, [("wallet", "", "CREDIT")])
    with tenant_scope(one.id):
        (mine,) = commands.open_accounts(one.id, [("wallet", "", "CREDIT")])
        assert Account.objects.filter(id=theirs).count() == 0
    for scope in (lambda: tenant_scope(one.id), worker_scope):
        with pytest.raises(Exception, match="account that is not there"), scope():
            commands.post(one.id, "reserve:x", "reserve", [commands.Leg(theirs, mine, 5, 1)], request={}, ref_type="x")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account SET credits = credits + 1000",
        "UPDATE transfer SET amount = 1",
        "DELETE FROM transfer",
        "TRUNCATE transfer",
        "UPDATE journal SET description = ''",
        "ALTER TABLE transfer DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    ],
)
@pytest.mark.parametrize("role", ["ph_web", "ph_worker"])
def test_no_login_role_can_change_history(house, role, statement):
    with house.connect(role) as connection, pytest.raises(psycopg.Error):
        connection.execute(statement)


def test_a_web_login_can_do_nothing_without_a_scope(house):
    with house.connect("ph_web") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM account")
