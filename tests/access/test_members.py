"""Members, roles, flags, and which tenant a person works in."""

import threading

import psycopg
import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from pilothouse.kernel.access import commands
from pilothouse.kernel.access.authenticate import (
    authenticate,
    choose_tenant,
    memberships,
    operator_of,
    principal_of_session,
    tenant_of,
)
from pilothouse.kernel.access.errors import AlreadyMember, CsrfFailed, LastOwner, NoMembership, SignInNeeded
from pilothouse.kernel.access.models import Flag, Member, PlatformFlag
from pilothouse.kernel.access.principal import require
from pilothouse.kernel.access.queries import access_member, flag, members
from pilothouse.kernel.access.roles import ROLE_SCOPES, SCOPES
from pilothouse.kernel.base.errors import Forbidden, InvalidInput, NotFound
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.lifecycle.queries import timeline

pytestmark = pytest.mark.house

ALLOWED = {
    "owner": "batches:read batches:write ledger:read webhooks:write keys:write members:write tenant:write usage:read"
    " deals:write",
    "engineer": "batches:read batches:write ledger:read webhooks:write keys:write usage:read",
    "finance": "batches:read ledger:read",
    "creator": "batches:read batches:write ledger:read",
    "support": "batches:read usage:read",
    "contractor": "",
    "crew": "",
    "buyer": "deals:write",
    "seller": "deals:write",
}


def session_request(user, method="get", **session):
    request = getattr(RequestFactory(), method)("/v1/batches")
    request.user = user
    request.session = session
    return request


@pytest.mark.parametrize("role", sorted(ROLE_SCOPES))
def test_each_role_may_do_exactly_what_its_row_says(house, role):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        member = commands.add_member(tenant.id, "ada@northwind.example", role, "Ada Moreno")
    principal = principal_of_session(session_request(member.user))
    assert principal is not None
    assert (principal.role, principal.actor, principal.mode) == (role, "user:ada@northwind.example", "live")
    for scope in SCOPES:
        if scope in ALLOWED[role].split():
            require(principal, scope)
        else:
            with pytest.raises(Forbidden, match=scope):
                require(principal, scope)


def test_a_member_is_added_once_changed_and_removed_with_a_timeline(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        commands.add_member(tenant.id, "Ada@Northwind.example ", "owner")
        bob = commands.add_member(tenant.id, "bob@northwind.example", "finance", "Bob Reyes")
        with pytest.raises(AlreadyMember, match="as finance"):
            commands.add_member(tenant.id, "BOB@northwind.example", "owner")
        for role in ("admin", "operator", ""):
            with pytest.raises(InvalidInput, match="one of"):
                commands.add_member(tenant.id, "eve@northwind.example", role)
        with pytest.raises(InvalidInput, match="mail address"):
            commands.add_member(tenant.id, "not an address", "owner")
        assert [row["email"] for row in members(tenant.id)] == ["ada@northwind.example", "bob@northwind.example"]
        commands.set_role(bob, "engineer")
        commands.set_role(bob, "engineer")
        commands.remove_member(bob)
        assert [row["role"] for row in members(tenant.id)] == ["owner"]
        told = timeline("member", [bob.id], "customer")
    assert [(event["type"], event["data"].get("role")) for event in reversed(told)] == [
        ("add", "finance"), ("set_role", "engineer"), ("remove", None),
    ]  # fmt: skip


def test_the_last_owner_can_neither_leave_nor_step_down(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        ada = commands.add_member(tenant.id, "ada@northwind.example", "owner")
        with pytest.raises(LastOwner):
            commands.remove_member(ada)
        with pytest.raises(LastOwner):
            commands.set_role(ada, "finance")
        # The refusals have undone nothing else of this transaction.
        bob = commands.add_member(tenant.id, "bob@northwind.example", "owner")
        commands.set_role(ada, "finance")
        with pytest.raises(LastOwner):
            commands.remove_member(bob)
    with house.connect() as connection, pytest.raises(psycopg.Error, match="last owner"):
        connection.execute("DELETE FROM member")
    with house.connect() as connection:
        assert connection.execute("SELECT count(*) FROM member").fetchone() == (2,)


def test_of_two_owners_who_leave_at_once_one_stays(house):
    for _ in range(5):
        tenant = house.tenant()
        with tenant_scope(tenant.id):
            owners = [commands.add_member(tenant.id, f"{name}@northwind.example", "owner") for name in ("ada", "bob")]
        both = threading.Barrier(2)
        refused = []

        def leave(owner, both=both, refused=refused):
            with house.connect() as connection:
                both.wait()
                try:
                    connection.execute("DELETE FROM member WHERE id = %s", [owner.id])
                except psycopg.Error as error:
                    refused.append(error.diag.sqlstate)

        threads = [threading.Thread(target=leave, args=[owner]) for owner in owners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert refused == ["PH409"]
        with tenant_scope(tenant.id):
            assert Member.objects.filter(role="owner").count() == 1


def test_a_person_in_two_tenants_chooses_and_cannot_choose_a_third(house):
    one, two, three = (house.tenant(name) for name in ("Zeta", "Two", "Three"))
    for tenant, role in ((one, "owner"), (two, "finance")):
        with tenant_scope(tenant.id):
            ada = commands.add_member(tenant.id, "ada@northwind.example", role).user
    request = session_request(ada)
    assert [tenant.name for tenant in memberships(request).tenants] == ["Zeta", "Two"]
    assert tenant_of(request).name == "Zeta"
    assert choose_tenant(request, two.public_id)
    assert (tenant_of(request).name, principal_of_session(request).role) == ("Two", "finance")
    assert not choose_tenant(request, three.public_id)
    assert tenant_of(request).name == "Two"
    # A session that names a tenant the person has left falls back to one of their own.
    with tenant_scope(two.id):
        commands.add_member(two.id, "bob@northwind.example", "owner")
        commands.remove_member(Member.objects.get(user=ada))
    later = session_request(ada, tenant=two.public_id)
    assert tenant_of(later).name == "Zeta"
    assert principal_of_session(later).tenant == one.id


def test_a_session_may_call_the_api_and_must_prove_its_page_for_a_change(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        ada = commands.add_member(tenant.id, "ada@northwind.example", "owner").user
    assert authenticate(session_request(ada)).tenant == tenant.id
    with pytest.raises(CsrfFailed):
        authenticate(session_request(ada, "post"))
    proven = session_request(ada, "post")
    proven.COOKIES["csrftoken"] = "a" * 32
    proven.META["HTTP_X_CSRFTOKEN"] = "a" * 32
    assert authenticate(proven).tenant == tenant.id
    with pytest.raises(SignInNeeded):
        authenticate(session_request(AnonymousUser()))
    with pytest.raises(SignInNeeded):
        authenticate(RequestFactory().get("/", headers={"Authorization": "Basic YTpi"}))
    with tenant_scope(tenant.id):
        stranger = commands.ensure_person("eve@elsewhere.example")
    with pytest.raises(NoMembership):
        authenticate(session_request(stranger))


def test_an_operator_is_made_by_the_worker_only_and_is_no_member(house):
    with worker_scope("cli"):
        operator = commands.add_operator("op@sora.example", "support", "Olga Petrova")
        assert commands.add_operator("op@sora.example", "admin").id == operator.id
    request = session_request(operator.user)
    assert operator_of(request) == "admin"
    assert principal_of_session(request) is None
    with pytest.raises(Exception, match="permission denied"), ops_scope("op"):
        commands.add_operator("eve@elsewhere.example", "admin")
    assert operator_of(session_request(AnonymousUser())) == ""


@pytest.mark.tamper
def test_a_tenants_flag_goes_before_the_platforms_and_history_stays(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with tenant_scope(one.id):
        assert flag("pilot.enabled", one.id) is False
        assert flag("pilot.enabled", one.id, default=True) is True
    with ops_scope("op"):
        commands.set_flag("pilot.enabled", True, "Pilots are open.")
    for tenant in (one, two):
        with tenant_scope(tenant.id):
            assert flag("pilot.enabled", tenant.id) is True
    with tenant_scope(one.id, "op"):
        commands.set_flag("pilot.enabled", {"max": 3}, "Three at once.", one.id)
        commands.set_flag("pilot.enabled", False, "Rolled back.", one.id)
        assert flag("pilot.enabled", one.id) is False
        assert [row.value for row in Flag.objects.order_by("id")] == [{"max": 3}, False]
        (last,) = timeline("flag", [Flag.objects.latest("id").id], "internal")
        assert (last["type"], last["data"]["reason"]) == ("set", "Rolled back.")
        assert timeline("flag", [Flag.objects.latest("id").id], "customer") == []
        with pytest.raises(InvalidInput, match="why"):
            commands.set_flag("pilot.enabled", True, " ", one.id)
    with tenant_scope(two.id):
        assert flag("pilot.enabled", two.id) is True
        # Another tenant's flag cannot be asked for either.
        assert flag("pilot.enabled", one.id) is True
    with ops_scope("op"):
        assert PlatformFlag.objects.get().set_by == "op"
    for statement in ("UPDATE flag SET value = 'true'", "DELETE FROM platform_flag", "TRUNCATE flag"):
        with house.admin() as admin, pytest.raises(psycopg.Error, match="append-only"):
            admin.execute(statement)


@pytest.mark.tamper
def test_each_table_of_the_room_shows_a_tenant_its_own_rows_only(house):
    one, two = house.tenant("One"), house.tenant("Two")
    for tenant in (one, two):
        with tenant_scope(tenant.id):
            member = commands.add_member(tenant.id, f"owner@{tenant.id}.example", "owner")
            key, _ = commands.issue_key(tenant.id, "Pilot")
            commands.create_reveal_link(tenant.id, "Pilot")
            commands.set_flag("pilot.enabled", True, "Open.", tenant.id)
        with house.admin() as admin:
            admin.execute(
                "SELECT log_api_usage(jsonb_build_array(jsonb_build_object('key', %s::bigint, 'actor', 'k',"
                " 'at', now(), 'method', 'GET', 'path', '/', 'status', 200,"
                " 'milliseconds', 1, 'request_id', 'r', 'ip_hash', 'h')))",
                [key.id],
            )
    with tenant_scope(one.id), pytest.raises(NotFound):
        access_member(two.id, member.public_id)
    tables = ("member", "enterprise_api_keys", "reveal_link", "flag", "api_usage", "enterprise_api_usage")
    for table in tables:
        with house.connect("ph_web") as connection, connection.transaction():
            connection.execute(
                "SELECT set_config('role', 'ph_app', true), set_config('app.tenant', %s, true)", [str(one.id)]
            )
            column = "user_id" if table == "enterprise_api_usage" else "tenant"
            mine = one.public_id if table == "enterprise_api_usage" else one.id
            assert connection.execute(f"SELECT {column} FROM {table}").fetchall() == [(mine,)], table
        with house.connect("ph_web") as connection, connection.transaction():
            connection.execute("SELECT set_config('role', 'ph_app', true)")
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        with house.connect("ph_web") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT count(*) FROM {table}")
    for table in ("api_rate", "operator"):
        with house.connect("ph_web") as connection, connection.transaction():
            connection.execute("SELECT set_config('role', 'ph_app', true)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT count(*) FROM {table}")


def test_the_table_of_roles_is_whole():
    assert set(ALLOWED) == set(ROLE_SCOPES)
