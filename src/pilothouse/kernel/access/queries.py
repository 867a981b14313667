"""Reads of the access room. Rows are dictionaries; all need an open scope."""

from typing import Any

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.limits import PAGE_SIZE_DEFAULT_ROWS
from pilothouse.kernel.base.sql import Row, Statements

from .models import ApiKey, Member

SQL = Statements(__file__)


def flag(name: str, tenant: int | None = None, default: Any = False) -> Any:
    """The value of a named switch: the tenant's own newest setting, else the platform's, else `default`."""
    row = SQL.one("flag", name=name, tenant=tenant)
    return default if row is None else row["value"]


def keys(tenant: int, count: int = PAGE_SIZE_DEFAULT_ROWS, skip: int = 0) -> list[Row]:
    """The API keys of a tenant, newest first; `hint` is all that is ever shown of the key itself."""
    return SQL.rows("keys", tenant=tenant, count=count, skip=skip)


def members(tenant: int, count: int = PAGE_SIZE_DEFAULT_ROWS, skip: int = 0) -> list[Row]:
    """The people of a tenant by address: {id, email, name, role, added_at, added_by, last_login}."""
    return SQL.rows("members", tenant=tenant, count=count, skip=skip)


def usage(tenant: int, count: int = PAGE_SIZE_DEFAULT_ROWS, skip: int = 0) -> list[Row]:
    """The newest API calls of a tenant."""
    return SQL.rows("usage", tenant=tenant, count=count, skip=skip)


def access_key(tenant: int, public_id: str) -> ApiKey:
    """One key of the tenant; NotFound for another tenant's as for none."""
    found = ApiKey.objects.filter(tenant_id=tenant, public_id=public_id).first()
    if found is None:
        raise NotFound(what="API key")
    return found


def access_member(tenant: int, member: int) -> Member:
    """One member of the tenant; NotFound for another tenant's as for none."""
    found = Member.objects.filter(tenant_id=tenant, id=member).first()
    if found is None:
        raise NotFound(what="member")
    return found
