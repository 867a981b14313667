"""Encryption at rest and opaque tokens, with keys derived from SECRET_KEY, one key per purpose.

A token made for one purpose cannot be opened for another. SECRET_KEY_FALLBACKS still open what older keys sealed.
"""

import base64
from contextlib import suppress
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealBroken(ValueError):
    """The text was not sealed by this installation for this purpose, or was changed."""


def _derived(purpose: str, key: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"pilothouse", info=purpose.encode())
    return kdf.derive(key.encode())


@cache
def _box(purpose: str, keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(purpose, key))) for key in keys])


@cache
def _plain_boxes(purpose: str, keys: tuple[str, ...]) -> list[AESSIV]:
    return [AESSIV(_derived(purpose, key)) for key in keys]


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *(str(key) for key in settings.SECRET_KEY_FALLBACKS))


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _read(text: str) -> bytes:
    """The bytes of `text`, in the one spelling that `_written` gives them: base64 has several for a last character."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _written(data) != text:
        raise ValueError("another spelling of the same bytes")
    return data


def seal(purpose: str, plain: bytes) -> str:
    """`plain` encrypted and authenticated, as URL-safe text without padding."""
    return _box(purpose, _keys()).encrypt(plain).decode().rstrip("=")


def unseal(purpose: str, sealed: str) -> bytes:
    """What `seal` was given. Raises SealBroken for anything else."""
    try:
        return _box(purpose, _keys()).decrypt(base64.urlsafe_b64encode(_read(sealed)))
    except (InvalidToken, ValueError):
        raise SealBroken(f"this is not a {purpose} token of this installation") from None


def seal_same(purpose: str, plain: bytes) -> str:
    """Like `seal`, but the same text for the same `plain` (AES-SIV, RFC 5297): for names, never for secrets.

    Whoever sees two such texts learns whether they hold the same, and nothing else.
    """
    return _written(_plain_boxes(purpose, _keys())[0].encrypt(plain, None))


def unseal_same(purpose: str, sealed: str) -> bytes:
    """What `seal_same` was given. Raises SealBroken for anything else."""
    with suppress(ValueError):
        data = _read(sealed)
        for box in _plain_boxes(purpose, _keys()):
            with suppress(InvalidTag):
                return box.decrypt(data, None)
    raise SealBroken(f"this is not a {purpose} token of this installation")
