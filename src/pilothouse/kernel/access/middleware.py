"""Puts the caller on the request, and each API call into the usage log."""

import hashlib
import hmac
import time
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from pilothouse.kernel.base import clock

from .authenticate import principal_of_session, tenant_of
from .limits import USAGE_TEXT_MAX_CHARACTERS
from .usage import USAGE, UsageLog

Respond = Callable[[HttpRequest], HttpResponseBase]


class MembershipMiddleware:
    """Sets `request.principal` and `request.tenant`, both looked up when first used.

    API and static requests therefore cost no query here. They are lazy objects for templates; code that must tell
    None from a principal calls `principal_of_session`.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.principal = SimpleLazyObject(partial(principal_of_session, request))  # type: ignore[attr-defined]
        request.tenant = SimpleLazyObject(partial(tenant_of, request))  # type: ignore[attr-defined]
        return self.get_response(request)


class ApiUsageMiddleware:
    """Records each call whose caller `authenticate` has found, with the path's template and never its values."""

    def __init__(self, get_response: Respond, usage: UsageLog = USAGE) -> None:
        self.get_response = get_response
        self.usage = usage

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.monotonic()
        response = self.get_response(request)
        caller = getattr(request, "api_caller", None)
        if caller is not None:
            tenant, key, actor = caller
            match = request.resolver_match
            self.usage.record(
                {
                    "tenant": tenant,
                    "key": key,
                    "actor": actor,
                    "at": clock.now().isoformat(),
                    "method": (request.method or "")[:USAGE_TEXT_MAX_CHARACTERS],
                    "path": f"/{match.route}"[:USAGE_TEXT_MAX_CHARACTERS] if match else "",
                    "status": response.status_code,
                    "milliseconds": int((time.monotonic() - started) * 1000),
                    "request_id": str(getattr(request, "request_id", "")),
                    "ip_hash": ip_hash(client_ip(request)),
                }
            )
        return response


def client_ip(request: HttpRequest) -> str:
    """The caller's address; behind our proxy, the one that the proxy saw."""
    if settings.SECURE_PROXY_SSL_HEADER:
        return request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return str(request.META.get("REMOTE_ADDR", ""))


def ip_hash(address: str) -> str:
    """Sixteen hex characters of a keyed hash: calls of one address can be counted, the address cannot be read back."""
    return hmac.new(settings.SECRET_KEY.encode(), f"ip {address}".encode(), hashlib.sha256).hexdigest()[:16]
