"""API keys: their life, the source's SQL, and who is told what."""

import hashlib

import psycopg
import pytest
from django.db import IntegrityError
from django.test import RequestFactory

from pilothouse.kernel.access import commands
from pilothouse.kernel.access.authenticate import authenticate
from pilothouse.kernel.access.errors import InactiveKey, InvalidKey, MissingScope, RateLimited, RevealLinkGone
from pilothouse.kernel.access.models import ApiKey, RevealLink
from pilothouse.kernel.access.principal import require
from pilothouse.kernel.access.queries import access_key, keys
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.lifecycle.errors import TransitionRefused
from pilothouse.kernel.lifecycle.queries import stuck_subjects, timeline

pytestmark = pytest.mark.house

# brief/000, Phase 1 Step 1, as written; only the placeholder id and key are replaced.
STEP_1 = """
-- In Supabase dashboard or via admin API
INSERT INTO enterprise_api_keys (
  user_id,
  key_hash,
  name,
  rate_limit_per_min,
  is_active
) VALUES (
  'pilot-customer-uuid',
  encode(sha256('ek_pilot_xxx'), 'hex'),
  'Pilot - CompanyName',
  60,
  true
);
"""
NOT_WORKING = """
-- Check key exists and is active
SELECT * FROM enterprise_api_keys
WHERE user_id = 'pilot-customer-uuid';
"""


def call(raw, **extra):
    return authenticate(RequestFactory().get("/v1/batches", headers={"Authorization": f"Bearer {raw}", **extra}))


def as_ops(house, statement):
    with house.connect("ph_web") as connection, connection.transaction():
        connection.execute("SET LOCAL ROLE ph_ops")
        return connection.execute(statement)


def types(key):
    return [event["type"] for event in reversed(timeline("api_key", [key.id], "customer"))]


def test_a_key_is_issued_hashed_used_paused_resumed_and_revoked(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        key, raw = commands.issue_key(tenant.id, "Pilot - Northwind", "pilot", ["batches:read", "batches:write"])
        assert (key.user_id, key.state, key.is_active, key.rate_limit_per_min) == (
            tenant.public_id, "revealed_once", True, 60,
        )  # fmt: skip
        assert key.key_hash == hashlib.sha256(raw.encode()).hexdigest()
        assert raw.startswith("ek_pilot_")
        assert key.created_by == "user:ada@northwind.example"
    principal = call(raw)
    assert (principal.tenant, principal.tenant_public_id, principal.tenant_name) == (
        tenant.id, tenant.public_id, "Northwind",
    )  # fmt: skip
    assert principal.actor == f"key:ek_pilot_…{raw[-4:]}"
    assert principal.mode == "live"
    require(principal, "batches:write")
    with pytest.raises(MissingScope) as refused:
        require(principal, "webhooks:write")
    assert (refused.value.status, refused.value.code) == (403, "missing_scope")

    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        commands.pause_key(tenant.id, key.public_id)
        commands.pause_key(tenant.id, key.public_id)
    with pytest.raises(InactiveKey, match="paused") as refused:
        call(raw)
    assert (refused.value.status, refused.value.code) == (401, "inactive_key")
    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        commands.resume_key(tenant.id, key.public_id)
    assert call(raw).key == key.id
    with tenant_scope(tenant.id, "user:ada@northwind.example"):
        ended = commands.revoke_key(tenant.id, key.public_id, reason="rotated")
        assert (ended.state, ended.is_active) == ("revoked", False)
        assert ended.revoked_at is not None
        with pytest.raises(TransitionRefused):
            commands.resume_key(tenant.id, key.public_id)
        with pytest.raises(TransitionRefused):
            commands.revoke_key(tenant.id, key.public_id)
        assert types(key) == ["issue", "pause", "resume", "revoke"]
    with pytest.raises(InactiveKey, match="revoked"):
        call(raw)


@pytest.mark.tamper
def test_the_raw_key_is_nowhere_in_the_database(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        _, raw = commands.issue_key(tenant.id, "Pilot - Northwind")
    call(raw)
    secret = raw.removeprefix("ek_pilot_")
    with house.admin() as admin:
        tables = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            found = admin.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{secret}%"])
            assert found.fetchone() == (0,), table


def test_the_sources_insert_and_query_run_as_written(house):
    tenant = house.tenant()
    as_ops(house, STEP_1.replace("pilot-customer-uuid", tenant.public_id))
    row = as_ops(house, NOT_WORKING.replace("pilot-customer-uuid", tenant.public_id))
    found = dict(zip([column.name for column in row.description], row.fetchone(), strict=True))
    assert (found["name"], found["rate_limit_per_min"], found["is_active"], found["tenant"]) == (
        "Pilot - CompanyName", 60, True, tenant.id,
    )  # fmt: skip
    assert found["public_id"].startswith("key_")
    assert len(found["public_id"]) == 30
    principal = call("ek_pilot_xxx")
    assert principal.tenant == tenant.id
    assert principal.scopes == {"batches:read", "batches:write", "ledger:read", "webhooks:write"}
    with tenant_scope(tenant.id):
        (issued,) = timeline("api_key", [principal.key], "customer")
        assert (issued["type"], issued["actor"]) == ("issue", "sql:ph_web")
    # Switching it off by SQL makes the next call 401 at once, and the timeline says so.
    as_ops(house, f"UPDATE enterprise_api_keys SET is_active = false WHERE user_id = '{tenant.public_id}'")
    with pytest.raises(InactiveKey):
        call("ek_pilot_xxx")
    with tenant_scope(tenant.id):
        assert [e["type"] for e in timeline("api_key", [principal.key], "customer")] == ["pause", "issue"]


def test_the_sources_insert_names_a_tenant_that_is_there(house):
    house.tenant()
    with pytest.raises(psycopg.Error, match="there is no tenant pilot-customer-uuid") as refused:
        as_ops(house, STEP_1)
    assert refused.value.diag.sqlstate == "PH404"
    assert "public id" in refused.value.diag.message_hint


def test_a_test_key_inserted_by_sql_is_in_test_mode_all_the_same(house):
    tenant = house.tenant()
    as_ops(house, STEP_1.replace("pilot-customer-uuid", tenant.public_id).replace("ek_pilot_xxx", "ek_test_xxx"))
    assert call("ek_test_xxx").mode == "test"


@pytest.mark.parametrize("raw", ["ek_pilot_unknown", "", "x" * 201, "ek_pilot_é", "ek_pilot_' OR 1=1 --"])
def test_an_unknown_key_is_told_from_an_inactive_one(house, raw):
    with pytest.raises(InvalidKey) as refused:
        authenticate(RequestFactory().get("/", headers={"Authorization": f"Bearer {raw}"}))
    assert (refused.value.status, refused.value.code) == (401, "invalid_key")
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": " "}, "name"), ({"name": "a\x00b"}, "name"), ({"name": "x" * 201}, "name"),
        ({"kind": "admin"}, "one of"), ({"scopes": []}, "at least one"), ({"scopes": ["members:write"]}, "scope"),
        ({"rate_limit_per_min": 0}, "limit"), ({"rate_limit_per_min": 10**9}, "limit"),
    ],
)  # fmt: skip
def test_a_bad_key_is_refused_with_its_reason(house, change, reason):
    tenant = house.tenant()
    with tenant_scope(tenant.id), pytest.raises(InvalidInput, match=reason):
        commands.issue_key(tenant.id, **{"name": "ok", **change})
    with tenant_scope(tenant.id):
        assert ApiKey.objects.count() == 0


@pytest.mark.parametrize(
    "change",
    ["scopes = '{members:write}'", "state = 'active', is_active = true", "rate_limit_per_min = 0", "name = ''"],
)
def test_the_schema_holds_a_revoked_key_to_what_it_is(house, change):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        key, _ = commands.issue_key(tenant.id, "one")
        commands.revoke_key(tenant.id, key.public_id)
    with house.connect() as connection, pytest.raises(psycopg.Error):
        connection.execute(f"UPDATE enterprise_api_keys SET {change}")
    with house.connect() as connection, pytest.raises(psycopg.Error):
        connection.execute("UPDATE enterprise_api_keys SET is_active = true")


def test_nobody_can_change_a_keys_hash_or_owner(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with tenant_scope(one.id):
        commands.issue_key(one.id, "one")
    for change in (f"user_id = '{two.public_id}'", f"tenant = {two.id}", "key_hash = repeat('0', 64)", "mode = 'test'"):
        for role in ("ph_worker", "ph_web"):
            with house.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"UPDATE enterprise_api_keys SET {change}")


def test_a_tenant_cannot_issue_a_key_for_another(house):
    one, two = house.tenant("One"), house.tenant("Two")
    with pytest.raises(Exception, match="row-level security"), tenant_scope(one.id):
        ApiKey.objects.create(user_id=two.public_id, tenant_id=None, key_hash="0" * 64, name="stolen", **FILLED)
    with pytest.raises(Exception, match="two tenants"), tenant_scope(one.id):
        ApiKey.objects.create(user_id=two.public_id, tenant_id=one.id, key_hash="0" * 64, name="stolen", **FILLED)
    with tenant_scope(one.id), pytest.raises(InvalidInput):
        commands.issue_key(two.id, "stolen")
    with tenant_scope(two.id):
        key, _ = commands.issue_key(two.id, "theirs")
    with tenant_scope(one.id):
        assert keys(one.id) == keys(two.id) == []
        for act in (access_key, commands.pause_key, commands.revoke_key):
            with pytest.raises(NotFound):
                act(two.id, key.public_id)


FILLED = {"public_id": "key_x", "scopes": ["batches:read"], "created_at": "2026-01-24T10:00:00Z"}


def test_a_key_never_waits_for_anyone(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        commands.issue_key(tenant.id, "one")
    with worker_scope():
        assert [row for row in stuck_subjects() if row["kind"] == "api_key"] == []


def test_a_reveal_link_makes_the_key_once(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id, "user:op@sora.example"):
        link, token = commands.create_reveal_link(tenant.id, "Pilot - Northwind")
        assert ApiKey.objects.count() == 0
        assert (link.expires_at - link.created_at).total_seconds() == 24 * 3600
    with tenant_scope(tenant.id), pytest.raises(RevealLinkGone):
        commands.consume_reveal_link(tenant.id, link.id, token + "x")
    with tenant_scope(tenant.id):
        key, raw = commands.consume_reveal_link(tenant.id, link.id, token)
    assert call(raw).key == key.id
    with tenant_scope(tenant.id), pytest.raises(RevealLinkGone) as refused:
        commands.consume_reveal_link(tenant.id, link.id, token)
    assert refused.value.status == 410
    with tenant_scope(tenant.id):
        assert ApiKey.objects.count() == 1
        assert [e["type"] for e in timeline("reveal_link", [link.id], "customer")] == ["open", "create"]


@pytest.mark.tamper
def test_an_expired_reveal_link_makes_nothing(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        link, token = commands.create_reveal_link(tenant.id, "Pilot - Northwind")
    with house.admin() as admin:
        admin.execute("UPDATE reveal_link SET expires_at = now() - interval '1 second'")
    with tenant_scope(tenant.id), pytest.raises(RevealLinkGone):
        commands.consume_reveal_link(tenant.id, link.id, token)
    with tenant_scope(tenant.id):
        assert RevealLink.objects.get().key is None


def test_the_sixty_first_request_in_a_minute_is_refused(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        _, raw = commands.issue_key(tenant.id, "Pilot - Northwind")
        _, other = commands.issue_key(tenant.id, "Another")
    for _ in range(60):
        call(raw)
    with pytest.raises(RateLimited) as refused:
        call(raw)
    assert (refused.value.status, refused.value.code) == (429, "rate_limited")
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
    assert refused.value.details["limit_per_min"] == 60
    assert call(other)


def test_a_duplicate_hash_is_refused(house):
    tenant = house.tenant()
    as_ops(house, STEP_1.replace("pilot-customer-uuid", tenant.public_id))
    with pytest.raises((psycopg.errors.UniqueViolation, IntegrityError)):
        as_ops(house, STEP_1.replace("pilot-customer-uuid", tenant.public_id))
