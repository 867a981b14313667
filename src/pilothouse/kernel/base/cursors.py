"""Cursors of paged lists: the key of the last row seen, sealed.

The keys inside count the rows of all tenants together, so in clear they would tell how busy everybody is.
"""

from .errors import UnknownCursor
from .sealing import SealBroken, seal, unseal


def seal_cursor(what: str, tenant: int, *parts: int | str) -> str:
    """The cursor after the row that `parts` name in one tenant's list `what`; texts without a space."""
    return seal(f"cursor {what}", " ".join(map(str, (tenant, *parts))).encode())


def open_parts(what: str, tenant: int, cursor: str) -> list[str]:
    """The parts that `seal_cursor` was given, as texts. Raises UnknownCursor, also for another tenant's."""
    try:
        owner, *parts = unseal(f"cursor {what}", cursor).decode().split(" ")
    except SealBroken:
        raise UnknownCursor() from None
    if int(owner) != tenant:
        raise UnknownCursor()
    return parts


def open_cursor(what: str, tenant: int, cursor: str | None) -> int | None:
    """The one key that `seal_cursor` was given; None without a cursor. Raises UnknownCursor."""
    return int(open_parts(what, tenant, cursor)[0]) if cursor else None
