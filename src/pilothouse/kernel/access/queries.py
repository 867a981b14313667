"""Reads of the access room. Rows are dictionaries; all need an open scope."""

from typing import Any

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.limits import PAGE_SIZE_DEFAULT_ROWS
from pilothouse.kernel.base.sql import Row, Statements

from .limits import HISTORY_ROWS, INVITATIONS_OPEN_MAX_COUNT, KEY_CALLS_COUNTED_MAX
from .models import ApiKey, Invitation, Member

SQL = Statements(__file__)


def flag(name: str, tenant: int | None = None, default: Any = False) -> Any:
    """The value of a named switch: the tenant's own newest setting, else the platform's, else `default`."""
    row = SQL.one("flag", name=name, tenant=tenant)
    return default if row is None else row["value"]


def keys(
    tenant: int,
    count: int = PAGE_SIZE_DEFAULT_ROWS,
    skip: int = 0,
    *,
    state: str = "",
    search: str = "",
    key: str = "",
) -> list[Row]:
    """The API keys of a tenant, newest first; `hint` is all that is ever shown of the key itself.

    `state` is active, paused or revoked; `search` words of the name, the hint or the id; `key` one public id. `calls`
    and `errors` (answers from 400 on) are those of the last 24 hours, counted up to KEY_CALLS_COUNTED_MAX.
    """
    return SQL.rows(
        "keys", tenant=tenant, count=count, skip=skip, state=state, search=search, key=key,
        counted=KEY_CALLS_COUNTED_MAX,
    )  # fmt: skip


def key_counts(tenant: int) -> dict[str, int]:
    """How many keys are active, paused and revoked."""
    return {row["state"]: row["count"] for row in SQL.rows("key_counts", tenant=tenant)}


def key_usage(
    tenant: int, key: int, *, failed: bool = False, before: str | None = None, count: int = PAGE_SIZE_DEFAULT_ROWS
) -> list[Row]:
    """The newest calls of one key, before an instant, all or only those that were refused or failed."""
    return SQL.rows("key_usage", tenant=tenant, key=key, failed=failed, before=before, count=count)


def reveal_links(tenant: int) -> list[Row]:
    """The reveal links that can still be opened, newest first."""
    return SQL.rows("reveal_links", tenant=tenant, count=PAGE_SIZE_DEFAULT_ROWS)


def members(
    tenant: int, count: int = PAGE_SIZE_DEFAULT_ROWS, skip: int = 0, *, role: str = "", search: str = ""
) -> list[Row]:
    """The people of a tenant by address: {public_id, email, name, role, added_at, added_by, last_login}."""
    return SQL.rows("members", tenant=tenant, count=count, skip=skip, role=role, search=search)


def invitations(tenant: int) -> list[Row]:
    """The invitations that wait, newest first."""
    return SQL.rows("invitations", tenant=tenant, count=INVITATIONS_OPEN_MAX_COUNT)


def people_history(tenant: int, count: int = HISTORY_ROWS) -> list[Row]:
    """What happened to the tenant's members and invitations, newest first.

    Rows: {id, at, actor, type, subject_kind, data}.
    """
    return SQL.rows("people_history", tenant=tenant, count=count)


def usage(tenant: int, count: int = PAGE_SIZE_DEFAULT_ROWS, skip: int = 0) -> list[Row]:
    """The newest API calls of a tenant."""
    return SQL.rows("usage", tenant=tenant, count=count, skip=skip)


def access_key(tenant: int, public_id: str) -> ApiKey:
    """One key of the tenant; NotFound for another tenant's as for none."""
    found = ApiKey.objects.filter(tenant_id=tenant, public_id=public_id).first()
    if found is None:
        raise NotFound(what="API key")
    return found


def access_member(tenant: int, public_id: str) -> Member:
    """One member of the tenant; NotFound for another tenant's as for none."""
    found = Member.objects.filter(tenant_id=tenant, public_id=public_id).select_related("user").first()
    if found is None:
        raise NotFound(what="member")
    return found


def email_of(member: Member) -> str:
    """The mail address of a member."""
    found: str = Member.objects.values_list("user__email", flat=True).get(pk=member.pk)
    return found


def access_invitation(tenant: int, public_id: str) -> Invitation:
    """One invitation of the tenant; NotFound for another tenant's as for none."""
    found = Invitation.objects.filter(tenant_id=tenant, public_id=public_id).first()
    if found is None:
        raise NotFound(what="invitation")
    return found
