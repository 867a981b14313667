"""Signing secrets in the database: sealed with a key that follows from SECRET_KEY, opened only to sign."""

import hashlib
from functools import lru_cache

from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sealing import seal, unseal
from pilothouse.kernel.base.sql import Statements

from .errors import RotatedTooOften, SecretChanged, SecretShown
from .limits import SECRET_OVERLAP_HOURS, SECRETS_BEFORE_MAX_COUNT
from .models import SigningSecret
from .signing import new_secret, secret_key

PURPOSE = "webhook signing secret"
SQL = Statements(__file__)


def seal_secret(secret: str) -> str:
    """A `whsec_` secret as it is stored."""
    return seal(PURPOSE, secret.encode())


def open_secret(sealed: str) -> str:
    """The `whsec_` secret of a stored one. Raises SealBroken when SECRET_KEY is not the one that sealed it."""
    return unseal(PURPOSE, sealed).decode()


@lru_cache(maxsize=4096)
def signing_key(sealed: str) -> bytes:
    """The HMAC key of a stored secret; remembered, because a worker signs with the same few all day."""
    return secret_key(open_secret(sealed))


def create_secret(tenant: int, *, is_default: bool = False, shown: bool = True) -> tuple[int, str] | None:
    """Make a secret; (its key, the secret), or None when the tenant's default is there already.

    With `shown` the caller shows it now; otherwise `show` does it, once.
    """
    secret = new_secret()
    row = SQL.one("create_secret", tenant=tenant, is_default=is_default, sealed=seal_secret(secret), shown=shown)
    return (row["id"], secret) if row else None


def default_secret(tenant: int) -> SigningSecret:
    """The secret that signs for addresses which batches name themselves; made when it is first asked for."""
    found = SigningSecret.objects.filter(tenant_id=tenant, is_default=True).first()
    if found is None:
        create_secret(tenant, is_default=True)
        found = SigningSecret.objects.get(tenant_id=tenant, is_default=True)
    return found


def reveal_default_secret() -> str:
    """The default secret of the open scope's tenant, in clear."""
    return open_secret(default_secret(_tenant()).sealed)


def rotate_default_secret(*, seen: str | None = None) -> str:
    """A new default secret for the open scope's tenant; the old one signs beside it for SECRET_OVERLAP_HOURS."""
    return rotate(default_secret(_tenant()).id, seen=seen)


def rotate(secret_id: int, *, seen: str | None = None, shown: bool = True) -> str:
    """Replace a secret, keeping the present one for the overlap; returns the new one in clear.

    `seen` is the `mark` of the secret that the person saw, so that a second press or an old page rotates nothing. A
    program that asks again because the answer was lost ends no secret: all those that were rotated within the overlap
    sign, SECRETS_BEFORE_MAX_COUNT of them at most. Raises SecretChanged or RotatedTooOften.
    """
    secret = new_secret()
    row = SQL.one(
        "rotate_secret",
        id=secret_id,
        sealed=seal_secret(secret),
        overlap_hours=SECRET_OVERLAP_HOURS,
        most=SECRETS_BEFORE_MAX_COUNT,
        seen=seen,
        shown=shown,
    )
    if row is None:
        if seen is not None and seen != mark(SigningSecret.objects.get(id=secret_id)):
            raise SecretChanged()
        raise RotatedTooOften(most=SECRETS_BEFORE_MAX_COUNT, hours=SECRET_OVERLAP_HOURS)
    return secret


def mark(secret: SigningSecret) -> str:
    """Names the present secret without telling it: another one has another mark."""
    return hashlib.md5(secret.sealed.encode(), usedforsecurity=False).hexdigest()


def show(secret_id: int) -> str:
    """The secret in clear, to the first who asks. Raises SecretShown."""
    row = SQL.one("show_secret", id=secret_id)
    if row is None:
        raise SecretShown()
    return open_secret(row["sealed"])


def _tenant() -> int:
    tenant = current_scope().tenant
    if tenant is None:
        raise ValueError("open a tenant's scope: a default secret belongs to one tenant")
    return tenant
