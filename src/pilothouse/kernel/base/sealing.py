"""Encryption at rest and opaque tokens, with keys derived from SECRET_KEY, one key per purpose.

A token made for one purpose cannot be opened for another. SECRET_KEY_FALLBACKS still open what older keys sealed.
"""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealBroken(ValueError):
    """The text was not sealed by this installation for this purpose, or was changed."""


@cache
def _box(purpose: str, keys: tuple[str, ...]) -> MultiFernet:
    def derive(key: str) -> Fernet:
        kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"pilothouse", info=purpose.encode())
        return Fernet(base64.urlsafe_b64encode(kdf.derive(key.encode())))

    return MultiFernet([derive(key) for key in keys])


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *(str(key) for key in settings.SECRET_KEY_FALLBACKS))


def seal(purpose: str, plain: bytes) -> str:
    """`plain` encrypted and authenticated, as URL-safe text without padding."""
    return _box(purpose, _keys()).encrypt(plain).decode().rstrip("=")


def unseal(purpose: str, sealed: str) -> bytes:
    """What `seal` was given. Raises SealBroken for anything else."""
    try:
        return _box(purpose, _keys()).decrypt(sealed + "=" * (-len(sealed) % 4))
    except (InvalidToken, ValueError):
        raise SealBroken(f"this is not a {purpose} token of this installation") from None
