"""The database roles and how each process logs in.

| role | logs in | may |
|---|---|---|
| `ph_owner` | migrate only | owns the schema; sees no tenant rows |
| `ph_web` | web, live | nothing by itself; takes `ph_app` or `ph_ops` for one transaction |
| `ph_app` | no | one tenant, named by `app.tenant` |
| `ph_ops` | no | reads all tenants, writes platform tables |
| `ph_worker` | worker, CLI | works across tenants |
| `ph_ledger` | no | owns the posting functions; the only role that may UPDATE `account` |
| `ph_gate` | no | owns the few functions that answer before a tenant is known |
| `ph_backup` | backup | reads everything |
"""

import hashlib
import hmac

import psycopg
from psycopg import sql

LOGIN_ROLES = ("ph_web", "ph_worker", "ph_backup")
GROUP_ROLES = ("ph_owner", "ph_app", "ph_ops", "ph_ledger", "ph_gate")


def password_of(role: str, secret_key: str) -> str:
    """The password of a login role on an external server, derived from SECRET_KEY so that one secret is enough."""
    return hmac.new(secret_key.encode(), f"pilothouse role {role}".encode(), hashlib.sha256).hexdigest()


def create_roles(connection: psycopg.Connection, secret_key: str | None) -> None:
    """Create or repair the roles; `connection` is an administrator's, in autocommit.

    `secret_key` is None for the embedded server, whose peer authentication needs no passwords. Two hosts that
    migrate at once are serialised by an advisory lock, because CREATE ROLE has no IF NOT EXISTS.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('pilothouse roles'))")
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'ph\\_%'")}
        for role in (*GROUP_ROLES, *LOGIN_ROLES):
            if role not in known:
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
        for role in LOGIN_ROLES:
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN NOINHERIT").format(sql.Identifier(role)))
            if secret_key is not None:
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        sql.Identifier(role), sql.Literal(password_of(role, secret_key))
                    )
                )
        # A client that sends its body slowly must not hold a transaction, and with it a connection, for ever.
        connection.execute("ALTER ROLE ph_web SET idle_in_transaction_session_timeout = '30s'")
        # ph_worker and ph_backup inherit nothing they need; NOINHERIT keeps ph_web powerless outside a scope.
        connection.execute("GRANT ph_app, ph_ops TO ph_web")
        # A data migration that row-level security would filter must fail instead of changing nothing.
        connection.execute("ALTER ROLE ph_owner SET row_security = off")
        connection.execute("GRANT ph_ledger, ph_gate TO ph_owner")
        connection.execute(sql.SQL("GRANT ph_owner TO {}").format(sql.Identifier(_current_user(connection))))
        superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if superuser and superuser[0]:
            connection.execute("ALTER ROLE ph_backup BYPASSRLS")


def _current_user(connection: psycopg.Connection) -> str:
    row = connection.execute("SELECT current_user").fetchone()
    assert row is not None
    return str(row[0])
