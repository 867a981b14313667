"""Compares the database's walls with the declarations: what `declare.py` writes has to be what the catalogue holds.

Read by any role. It finds what somebody changed by hand: a dropped or widened policy, row-level security that is off
or not forced, a grant too many or too few, a disabled trigger, a view that runs as its owner, a login role with more
power than it is given. What no model declares (a function's body, a CHECK, an index) is compared with what was
installed, by `walls.py`.
"""

import re
from collections.abc import Iterator
from typing import Any

from .declare import house_models, statements, system_tables
from .sql import Row, run
from .walls import changed_walls

# Tables that no model declares: Django's own record, and the cache that all web processes share.
UNDECLARED_TABLES = ("django_migrations", "shared_cache")
GRANT = re.compile(r'^GRANT (?P<what>.+?) ON (?:TABLE )?"?(?P<table>\w+)"? TO (?P<roles>[\w, ]+)$', re.DOTALL)
PRIVILEGE = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER)(?: ?\(([^)]*)\))?")
POLICY = re.compile(
    r'^CREATE POLICY (?P<name>\w+) ON "?(?P<table>\w+)"?(?: FOR (?P<command>\w+))? TO (?P<roles>[\w, ]+?) '
    r"(?:USING \((?P<using>.*?)\))?(?: WITH CHECK \((?P<check>.*)\))?$",
    re.DOTALL,
)
MEMBERSHIPS = {("ph_app", "ph_web"), ("ph_ops", "ph_web"), ("ph_ledger", "ph_owner"), ("ph_gate", "ph_owner")}
# Table, column or '', privilege, role.
Grant = tuple[str, str, str, str]
# Table, policy, command, roles, USING, WITH CHECK.
Policy = tuple[str, str, str, tuple[str, ...], str, str]


def differences() -> list[str]:
    """One sentence for each place where the catalogue is not what is declared; empty when they agree."""
    return [
        *_tables(), *_policies(), *_grants(), *_triggers(), *_views(), *_functions(), *_roles(), *changed_walls(),
    ]  # fmt: skip


def _tables() -> Iterator[str]:
    rows = run(
        "SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname"
    )
    guarded = {model._meta.db_table: model.table_class == "tenant" for model in house_models()}
    known = {**dict.fromkeys((*system_tables(), *UNDECLARED_TABLES), False), **guarded}
    for row in rows:
        name = row["name"]
        if name not in known:
            yield f"The table {name} is declared by no model."
        elif known[name] and not (row["enabled"] and row["forced"]):
            yield f"Row-level security on {name} is not enabled and forced."
    there = {row["name"] for row in rows}
    yield from (f"The table {name} is missing." for name in sorted(guarded) if name not in there)


def _policies() -> Iterator[str]:
    actual: dict[tuple[str, str], Policy] = {}
    for row in run(
        "SELECT tablename, policyname, cmd, "
        "array_to_string(ARRAY(SELECT unnest(roles)::text ORDER BY 1), ',') AS roles, "
        "coalesce(qual, '') AS using, coalesce(with_check, '') AS checked "
        "FROM pg_policies WHERE schemaname = 'public'"
    ):
        key = (row["tablename"], row["policyname"])
        actual[key] = (
            *key, row["cmd"], tuple(row["roles"].split(",")), _plain(row["using"]), _plain(row["checked"])
        )  # fmt: skip
    declared = {(policy[0], policy[1]): policy for policy in declared_policies()}
    for key in sorted(declared.keys() | actual.keys()):
        table, name = key
        if key not in actual:
            yield f"The policy {name} on {table} is missing."
        elif key not in declared:
            yield f"The policy {name} on {table} is not declared."
        elif actual[key] != declared[key]:
            yield f"The policy {name} on {table} is not the declared one."


def declared_policies() -> Iterator[Policy]:
    """The policies that the declarations make, with conditions in their plain form."""
    for statement in statements():
        if found := POLICY.match(statement.strip()):
            yield (
                found["table"],
                found["name"],
                found["command"] or "ALL",
                tuple(sorted(role.strip() for role in found["roles"].split(","))),
                _plain(found["using"] or ""),
                _plain(found["check"] or ""),
            )


def _plain(condition: str) -> str:
    """A condition without what PostgreSQL adds when it prints one: spaces, brackets, text casts and names."""
    return re.sub(r'\s|[()]|::text|AS "nullif"', "", condition)


def _grants() -> Iterator[str]:
    declared, actual = set(declared_grants()), set(_actual_grants())
    for table, column, privilege, role in sorted(actual - declared):
        yield f"{role} may {privilege} {_place(table, column)}, which is not declared."
    for table, column, privilege, role in sorted(declared - actual):
        yield f"{role} may not {privilege} {_place(table, column)}, which is declared."


def _place(table: str, column: str) -> str:
    return f"{table}.{column}" if column else table


def declared_grants() -> Iterator[Grant]:
    """The privileges on tables and columns that the declarations give, after all of their statements."""
    for statement in statements():
        found = GRANT.match(statement.strip())
        if found is None:
            continue
        for role in found["roles"].split(","):
            for privilege, columns in PRIVILEGE.findall(found["what"]):
                for column in columns.split(",") if columns else ("",):
                    yield (found["table"], column.strip().strip('"'), privilege, role.strip())


def _actual_grants() -> Iterator[Grant]:
    """What roles of the house and the public hold on tables, without what the owner holds by owning them."""
    held = """
        SELECT c.relname AS name, '' AS col, x.privilege_type AS privilege, x.grantee, c.relowner AS owner
        FROM pg_class c, aclexplode(c.relacl) x
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
        UNION ALL
        SELECT c.relname, a.attname, x.privilege_type, x.grantee, c.relowner
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) x
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    """
    rows: list[Row] = run(
        f"SELECT h.name, h.col, h.privilege, coalesce(r.rolname, 'PUBLIC') AS role FROM ({held}) h "
        "LEFT JOIN pg_roles r ON r.oid = h.grantee WHERE h.grantee <> h.owner"
    )
    for row in rows:
        if row["name"] not in UNDECLARED_TABLES:
            yield (row["name"], row["col"], row["privilege"], row["role"])


def _triggers() -> Iterator[str]:
    for row in run(
        "SELECT tgname AS name, tgrelid::regclass::text AS on FROM pg_trigger "
        "WHERE tgenabled NOT IN ('O', 'A') ORDER BY 2, 1"
    ):
        yield f"The trigger {row['name']} on {row['on']} is disabled."


def _views() -> Iterator[str]:
    for row in run(
        "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v' "
        "AND NOT coalesce(c.reloptions, '{}') && ARRAY['security_invoker=true', 'security_invoker=on'] ORDER BY 1"
    ):
        yield f"The view {row['name']} runs as its owner and not as who reads it."


def _functions() -> Iterator[str]:
    for row in run(
        "SELECT p.oid::regprocedure::text AS name, r.rolname AS owner, coalesce(p.proconfig::text, '') AS config "
        "FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner "
        "WHERE p.prosecdef AND p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'base')) "
        "ORDER BY 1"
    ):
        if row["owner"] not in ("ph_gate", "ph_ledger"):
            yield f"The function {row['name']} runs with the rights of {row['owner']}."
        if "search_path=" not in row["config"]:
            yield f"The function {row['name']} runs with another's rights and no search_path of its own."


def _roles() -> Iterator[str]:
    for row in run(
        "SELECT rolname AS name, rolsuper OR rolcreaterole OR rolcreatedb AS admin, rolbypassrls AS bypass, "
        "rolinherit AND rolcanlogin AS inherits FROM pg_roles "
        "WHERE rolname IN ('ph_web', 'ph_app', 'ph_ops', 'ph_worker', 'ph_ledger', 'ph_gate') ORDER BY 1"
    ):
        if row["admin"] or row["bypass"] or row["inherits"]:
            yield f"The role {row['name']} has more power than it is given."
    members: list[dict[str, Any]] = run(
        "SELECT g.rolname AS role, m.rolname AS member FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid "
        "JOIN pg_roles m ON m.oid = a.member WHERE g.rolname LIKE 'ph\\_%' AND m.rolname LIKE 'ph\\_%' ORDER BY 1, 2"
    )
    for row in members:
        if (row["role"], row["member"]) not in MEMBERSHIPS:
            yield f"{row['member']} may act as {row['role']}, which is not declared."
