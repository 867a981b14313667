"""Cursors of paged lists: the key of the last row seen, sealed.

The keys inside count the rows of all tenants together, so in clear they would tell how busy everybody is.
"""

from .errors import UnknownCursor
from .sealing import SealBroken, seal, unseal


def seal_cursor(what: str, tenant: int, key: int) -> str:
    """The cursor after the row `key` of one tenant's list `what`."""
    return seal(f"cursor {what}", f"{tenant} {key}".encode())


def open_cursor(what: str, tenant: int, cursor: str | None) -> int | None:
    """The key that `seal_cursor` was given; None without a cursor. Raises UnknownCursor, also for another tenant's."""
    if cursor is None:
        return None
    try:
        owner, key = unseal(f"cursor {what}", cursor).decode().split(" ")
    except (SealBroken, ValueError):
        raise UnknownCursor() from None
    if int(owner) != tenant:
        raise UnknownCursor()
    return int(key)
