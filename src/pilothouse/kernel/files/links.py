"""Signed links: whoever holds one may read one file until it ends. The token is opaque and needs no sign-in.

It carries the tenant, so the row can be read under that tenant's own row-level security; it is encrypted, so nobody
outside sees a key or another tenant's number.
"""

from dataclasses import dataclass

from django.urls import reverse

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.sealing import SealBroken, seal, unseal

from . import limits
from .errors import LinkInvalid

PURPOSE = "file link"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token grants: one file of one tenant, shown or downloaded, until `ends_at` (unix seconds)."""

    tenant: int
    public_id: str
    ends_at: int
    download: bool


def file_token(tenant: int, public_id: str, *, life_s: int = limits.LINK_LIFE_S, download: bool = False) -> str:
    """A token for one file. `life_s` of machine time, at most LINK_LIFE_MAX_S."""
    ends_at = int(clock.now().timestamp()) + min(life_s, limits.LINK_LIFE_MAX_S)
    return seal(PURPOSE, f"{tenant} {public_id} {ends_at} {int(download)}".encode())


def signed_path(tenant: int, public_id: str, *, life_s: int = limits.LINK_LIFE_S, download: bool = False) -> str:
    """The link's path on this site, `/files/TOKEN`."""
    return reverse("files:serve", args=[file_token(tenant, public_id, life_s=life_s, download=download)])


def read_token(token: str) -> Ticket:
    """What a token grants. Raises LinkInvalid when it was not made here, was changed or has ended."""
    try:
        tenant, public_id, ends_at, download = unseal(PURPOSE, token).decode().split(" ")
        ticket = Ticket(int(tenant), public_id, int(ends_at), download == "1")
    except (SealBroken, ValueError):
        raise LinkInvalid() from None
    if clock.now().timestamp() >= ticket.ends_at:
        raise LinkInvalid()
    return ticket
