"""Row-level security, policies and grants, generated from what the models declare.

Run after the migrations, as the owner, in the same transaction. Everything is dropped and made again, so the
catalogue always equals the declarations; `tests/base/test_catalogue.py` compares them the other way round.
"""

from collections.abc import Iterator

from django.apps import apps
from django.db import models

from .models import HouseModel, TenantForeignKey

TENANT_IS_MINE = "tenant = (SELECT NULLIF(current_setting('app.tenant', true), '')::bigint)"
ROLES = ("ph_web", "ph_app", "ph_ops", "ph_worker", "ph_ledger", "ph_gate", "ph_backup")
READERS_OF_ALL = ("ph_ops", "ph_worker", "ph_ledger", "ph_gate")
# Tables of ours that every process needs before a tenant is known.
SYSTEM_ROLES = ("ph_web", "ph_app", "ph_ops", "ph_worker")
# The tables of Django and its libraries, and what each role may do with them; on the others of theirs nothing.
# Signing in comes before any tenant is known, so the web's login role holds these tables. In a transaction of a tenant
# or of the desk people are read and nobody is changed, and no session or second factor is in reach (docs/adr/0011).
PEOPLE = "auth_user"
EXPIRED = {"django_session": "expire_date", "usersessions_usersession": "last_seen_at"}
SIGN_IN = ("account_emailaddress", "account_emailconfirmation", PEOPLE, "mfa_authenticator", *EXPIRED)


def house_models() -> list[type[HouseModel]]:
    """Every concrete table of the house, by table name."""
    found = [model for model in apps.get_models() if issubclass(model, HouseModel)]
    return sorted(found, key=lambda model: model._meta.db_table)


def system_tables() -> list[str]:
    """The tables of Django and its libraries, by name."""
    others = [m for m in apps.get_models(include_auto_created=True) if not issubclass(m, HouseModel)]
    return sorted({model._meta.db_table for model in others if not model._meta.proxy})


def tenant_column(model: type[HouseModel]) -> str:
    """The column that holds a row's tenant: `id` for the tenant table itself."""
    return "id" if model._meta.db_table == "tenant" else "tenant"


def statements() -> Iterator[str]:
    """All SQL of the declarations, in the order in which it must run."""
    for model in house_models():
        yield from _table(model)
    for model in house_models():
        yield from _references(model)
    yield from _people()
    # A trigger runs without this right; without the revoke anybody could hang our functions on a table of their own.
    yield (
        "DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT p.oid::regprocedure FROM pg_proc p "
        "WHERE p.prosecdef AND p.prorettype = 'trigger'::regtype AND p.pronamespace IN "
        "(SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'base')) LOOP "
        "EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f); END LOOP; END $$"
    )
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {', '.join(ROLES)}"
    yield "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ph_backup"


def _table(model: type[HouseModel]) -> Iterator[str]:
    table = f'"{model._meta.db_table}"'
    yield f"REVOKE ALL ON {table} FROM PUBLIC, {', '.join(ROLES)}"
    yield f"GRANT SELECT ON {table} TO {', '.join(READERS_OF_ALL)}, ph_backup"
    if model.table_class == "tenant":
        yield from _isolation(model, table)
        yield f"GRANT SELECT ON {table} TO ph_app"
    elif model.table_class == "system":
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {', '.join(SYSTEM_ROLES)}"
        return
    elif model.read_by_tenants:
        yield f"GRANT SELECT ON {table} TO ph_app, ph_web"
    for writer in model.writers:
        columns = "" if model.insertable is None else f" ({', '.join(model.insertable)})"
        yield f"GRANT INSERT{columns} ON {table} TO {writer}"
        if model.mutable:
            yield f"GRANT UPDATE ({', '.join(model.mutable)}) ON {table} TO {writer}"
        if model.deletable:
            yield f"GRANT DELETE ON {table} TO {writer}"
    yield from model.grants


def _people() -> Iterator[str]:
    for table in system_tables():
        yield f'REVOKE ALL ON "{table}" FROM PUBLIC, {", ".join(ROLES)}'
        yield f'GRANT SELECT ON "{table}" TO ph_backup'
    for table in SIGN_IN:
        yield f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO ph_web'
    # A person is made by `auth_person`, whoever calls it.
    yield f'GRANT SELECT, INSERT ON "{PEOPLE}" TO ph_gate'
    yield 'GRANT SELECT, INSERT ON "account_emailaddress" TO ph_gate'
    # The host's command line asks an operator for their password, sets one, and shuts a person out.
    for table in (PEOPLE, "account_emailaddress"):
        yield f'GRANT SELECT, INSERT, UPDATE ON "{table}" TO ph_worker'
    for table, column in EXPIRED.items():
        yield f'GRANT SELECT ({column}), DELETE ON "{table}" TO ph_worker'
    # Whoever is named in a row (a member, a buyer, who asked for a grant) is read with it, as a whole row of Django's.
    yield f'GRANT SELECT ON "{PEOPLE}" TO ph_app, ph_ops'


def _isolation(model: type[HouseModel], table: str) -> Iterator[str]:
    mine = TENANT_IS_MINE.replace("tenant =", f"{tenant_column(model)} =", 1)
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    yield f"DROP POLICY IF EXISTS one_tenant ON {table}"
    yield f"CREATE POLICY one_tenant ON {table} TO ph_app USING ({mine}) WITH CHECK ({mine})"
    yield f"DROP POLICY IF EXISTS all_tenants ON {table}"
    readers = ", ".join((*READERS_OF_ALL, "ph_backup"))
    yield f"CREATE POLICY all_tenants ON {table} TO {readers} USING (true) WITH CHECK (true)"


def _references(model: type[HouseModel]) -> Iterator[str]:
    """A composite foreign key (tenant, column) for each TenantForeignKey, and the unique pair it points to."""
    table = model._meta.db_table
    for field in model._meta.local_fields:
        if not isinstance(field, TenantForeignKey):
            continue
        target = field.related_model
        assert isinstance(target, type)
        assert issubclass(target, models.Model)
        other = target._meta.db_table
        yield _unless_constraint(other, f"{other}_tenant_id", "UNIQUE (tenant, id)")
        name = f"{table}_{field.column}_same_tenant"
        # The check of the rows already there runs as the owner, whom a forced policy would stop.
        yield f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY'
        yield f'ALTER TABLE "{other}" NO FORCE ROW LEVEL SECURITY'
        yield _unless_constraint(
            table, name, f'FOREIGN KEY (tenant, "{field.column}") REFERENCES "{other}" (tenant, id)'
        )
        yield f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY'
        yield f'ALTER TABLE "{other}" FORCE ROW LEVEL SECURITY'


def _unless_constraint(table: str, name: str, definition: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = '{name}') THEN "
        f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}; END IF; END $$'
    )
