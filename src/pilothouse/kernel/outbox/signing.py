"""Standard Webhooks signatures (https://www.standardwebhooks.com): what is signed is `id.timestamp.body`, exact bytes.

While a secret is being rotated both secrets sign, newest first, so a receiver that knows either one accepts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from pilothouse.kernel.outbox.limits import SECRET_BYTES

SECRET_PREFIX = "whsec_"  # noqa: S105  (a prefix)


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and the base64 of SECRET_BYTES random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_key(secret: str) -> bytes:
    """The HMAC key inside a `whsec_` secret. Raises ValueError when it is not one."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a signing secret begins with whsec_")
    try:
        return base64.b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    except binascii.Error:
        raise ValueError("a signing secret is base64 after whsec_") from None


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One `v1,…` token over `message_id.timestamp.body`; `timestamp` in whole unix seconds of machine time."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def signed_headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt. `keys` are the live HMAC keys, newest first, at least one."""
    if not keys:
        raise ValueError("a delivery without a live secret cannot be signed")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message_id, timestamp, body) for key in keys),
        "Content-Type": "application/json",
    }
