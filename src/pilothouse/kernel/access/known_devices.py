"""Browsers from which a person has signed in before: their password is counted apart in the limits of sign-in.

Whoever knows a mail address can use up its wrong tries, and its owner would be locked out with them. A sealed cookie
names the browser and the last people who signed in there; it opens nothing, and its own wrong tries are bounded too.
"""

import json
import secrets
from hashlib import sha256

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from pilothouse.kernel.base.sealing import SealBroken, seal, unseal

from .limits import DEVICE_COOKIE_LIFE_S, DEVICE_PEOPLE_MAX_COUNT

COOKIE = "known_device"
DEVICE_BYTES = 16


def known_device(request: HttpRequest, email: str) -> str | None:
    """The browser's own random name when the person with this address has signed in there, else None."""
    device, people = _read(request)
    return device if _person(email) in people else None


def remember_device(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Note on the answer of a completed sign-in that the person has signed in from this browser."""
    device, people = _read(request)
    person = _person(email)
    kept = [person, *(other for other in people if other != person)][:DEVICE_PEOPLE_MAX_COUNT]
    response.set_cookie(
        COOKIE,
        seal(COOKIE, json.dumps([device, kept]).encode()),
        max_age=DEVICE_COOKIE_LIFE_S,
        path="/account/",
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    """The browser's name and its people; a new name and nobody without a cookie of this installation."""
    try:
        device, people = json.loads(unseal(COOKIE, request.COOKIES.get(COOKIE, "")))
    except SealBroken:
        return secrets.token_hex(DEVICE_BYTES), []
    return device, people


def _person(email: str) -> str:
    return sha256(email.strip().lower().encode()).hexdigest()
