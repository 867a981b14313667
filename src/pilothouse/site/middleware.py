"""What stands before every view: a request id on each answer, and a wall against bodies and texts nobody can take."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponseBase

from pilothouse.kernel.base.errors import InvalidInput, PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.json_api import BodyTooLarge
from pilothouse.kernel.base.limits import REQUEST_BODY_MAX_BYTES

from .errors import refusal

GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")


class RequestIdMiddleware:
    """Takes a well-formed X-Request-ID or makes one; logs carry it and the answer returns it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if GIVEN_ID.fullmatch(given) else new_id("req")
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
        response["X-Request-ID"] = request_id
        return response


class RequestWallMiddleware:
    """Refuses before anything is read or parsed: a body over the limit (Django bounds only what it keeps in memory, so
    a file part could fill the disk) and a NUL in the address, which PostgreSQL cannot take."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refused = _refused(request)
        return self.get_response(request) if refused is None else refusal(request, refused)


def _refused(request: HttpRequest) -> PilothouseError | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > REQUEST_BODY_MAX_BYTES:
        return BodyTooLarge(max_bytes=REQUEST_BODY_MAX_BYTES)
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return InvalidInput(reason="The address holds a NUL character.")
    return None
