"""What every operation on deals asks of a call: who, in which side's place, and with which Idempotency-Key."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from pilothouse.kernel.access.api_auth import caller
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.json_api import answer

from . import limits
from .api_commands import Party
from .requests import checked_key

SCOPE = "deals:write"
KEY_HEADER: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Your own id of this request; sent again with the same body, the first answer comes again.",
            "schema": {
                "type": "string",
                "maxLength": limits.IDEMPOTENCY_KEY_MAX_CHARACTERS,
                "example": "5f0c1f1e-9b7d-4a53-8a52-0c6a1f8e2d11",
            },
        }
    ]
}


def party(request: HttpRequest) -> tuple[Principal, Party]:
    """The person who calls. Raises MissingScope for a key and for other roles."""
    principal = caller(request, SCOPE)
    assert principal.user is not None, "only people hold this scope"
    return principal, Party(principal.user, str(request.user.email))  # type: ignore[union-attr]


def key_of(request: HttpRequest) -> str | None:
    """The Idempotency-Key of the call, if it has one."""
    return checked_key(request.headers.get("Idempotency-Key"))


def own(who: Party) -> str:
    """Where the keys of a person's own requests count, those about no deal yet: two people never share one."""
    return f"user:{who.person}"


def answered(told: dict[str, Any], replayed: bool, status: int = 200) -> HttpResponse:
    """The answer of a command, marked when it was given before."""
    return answer(told, status, {"Idempotent-Replayed": "true"} if replayed else {})
