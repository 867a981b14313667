"""Limits that are not a key's own: requests of a session, exports of a tenant, posts of a browser about itself. Counted
as keys are, in one table.

Each count is a short transaction of its own, before any scope: its row lock must not outlive it.
"""

from django.db import connections

from pilothouse.kernel.base.scope import WEB_ALIAS
from pilothouse.kernel.base.sql import Statements, fetch

from .errors import TooManyExports, TooManyRequests
from .limits import (
    CLIENT_POSTS_PER_MIN_MAX_COUNT,
    EXPORTS_PER_MIN_MAX_COUNT,
    SESSION_REQUESTS_PER_MIN_MAX_COUNT,
)

SQL = Statements(__file__)
SESSION, EXPORT, PERSON, ADDRESS = 1, 2, 3, 4
# Of an address's hash; with the kind beside it the number still fits into 64 bits.
ADDRESS_BITS = 56


def count_request(user: int) -> None:
    """Count one API request of a signed-in person. Raises TooManyRequests."""
    wait = _take(SESSION, user, SESSION_REQUESTS_PER_MIN_MAX_COUNT)
    if wait:
        raise TooManyRequests(limit_per_min=SESSION_REQUESTS_PER_MIN_MAX_COUNT, retry_after_s=wait)


def count_export(tenant: int) -> None:
    """Count one export of a tenant: a file of all matching rows costs what a hundred pages cost.

    Raises TooManyExports.
    """
    wait = _take(EXPORT, tenant, EXPORTS_PER_MIN_MAX_COUNT)
    if wait:
        raise TooManyExports(limit_per_min=EXPORTS_PER_MIN_MAX_COUNT, retry_after_s=wait)


def count_client_post(person: int | None, address_hash: str) -> None:
    """Count one post of a browser, by the signed-in person or else by the hash (hex) of the network address.

    Raises TooManyRequests.
    """
    what, who = (ADDRESS, int(address_hash, 16) % 2**ADDRESS_BITS) if person is None else (PERSON, person)
    wait = _take(what, who, CLIENT_POSTS_PER_MIN_MAX_COUNT)
    if wait:
        raise TooManyRequests(limit_per_min=CLIENT_POSTS_PER_MIN_MAX_COUNT, retry_after_s=wait)


def _take(what: int, who: int, per_min: int) -> int:
    with connections[WEB_ALIAS].cursor() as cursor:
        cursor.execute(SQL.text("auth_take"), {"what": what, "who": who, "per_min": per_min})
        return int(fetch(cursor)[0]["retry_after_s"])
