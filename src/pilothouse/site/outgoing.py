"""Judges every answer by the deny-list before it leaves: JSON and CSV by field, pages by what they echo."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from itertools import takewhile
from typing import cast
from urllib.parse import unquote

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

from pilothouse.kernel.access.authenticate import memberships, principal_of_session
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.json_api import answer
from pilothouse.kernel.base.outgoing import echoed
from pilothouse.kernel.watch.deny_list import leaks_in_csv, leaks_in_json, leaks_in_text, report, words_in

from .errors import is_api

# A person's own browsers and authenticators, by the names that these gave themselves.
OWN_PAGES = ("/account/sessions/", "/account/two-factor/")
# For operators and their machines, who may see what a customer may not; to a customer they are 404 or say nothing.
OPERATORS_PATHS = ("/metrics", "/healthz", "/readyz", "/desk/", "/docs/operations", "/docs/reference")


class DenyListMiddleware:
    """Blocks an answer that would tell a customer an upstream's name (500), and opens the incident."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse):
            _judge_stream(request, response)
            return response
        leaked = _leaked(request, response)
        if not leaked:
            return response
        report("api" if is_api(request.path) else "page", leaked, tenant=_tenant(request), subject=_route(request))
        response.close()
        request_id = str(getattr(request, "request_id", ""))
        if is_api(request.path):
            return answer(PilothouseError().as_json(request_id), 500)
        return render(request, "ui/errors/500.html", {"request_id": request_id}, status=500)


def _judge_stream(request: HttpRequest, response: StreamingHttpResponse) -> None:
    """Judge each part of a stream of text before it leaves; a leak ends the stream. Files of bytes are no words."""
    if not response.headers.get("Content-Type", "").startswith(("text/", "application/json")):
        return
    parts = response.streaming_content

    def leaves(part: bytes) -> bool:
        leaked = words_in(part)
        if leaked:
            report("stream", leaked, tenant=_tenant(request), subject=_route(request))
        return not leaked

    async def judged_async() -> AsyncIterator[bytes]:
        try:
            async for part in cast(AsyncIterator[bytes], parts):
                if words_in(part) and not await sync_to_async(leaves)(part):
                    return
                yield part
        finally:
            await cast(AsyncGenerator[bytes, None], parts).aclose()

    def judged() -> Iterator[bytes]:
        yield from takewhile(leaves, cast(Iterator[bytes], parts))

    if response.is_async:
        # Django's own property wraps what it is given; its inner generator is ours to close.
        parts = response._iterator  # type: ignore[attr-defined]
        response.streaming_content = judged_async()
    else:
        response.streaming_content = judged()


def _leaked(request: HttpRequest, response: HttpResponseBase) -> set[str]:
    if not isinstance(response, HttpResponse) or request.path.startswith((*OWN_PAGES, *OPERATORS_PATHS)):
        return set()
    body, kind = response.content, response.headers.get("Content-Type", "").partition(";")[0]
    if not words_in(body):
        return set()
    if kind == "application/json":
        return leaks_in_json(body, refusal=400 <= response.status_code < 500, fields=is_api(request.path))
    if kind == "text/csv":
        return leaks_in_csv(body)
    return leaks_in_text(body, _echoed(request))


def _echoed(request: HttpRequest) -> Iterator[str]:
    """What every page may repeat: the address that was asked for, the person, their accounts, and what views named."""
    yield unquote(request.get_full_path())
    yield from request.path.split("/")
    for given in (request.GET, request.POST):
        yield from (value for name in given for value in (name, *given.getlist(name)))
    yield from echoed(request)
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        yield from (user.email, user.get_full_name())
        yield from (membership.name for membership in memberships(request).tenants)


def _tenant(request: HttpRequest) -> int | None:
    caller = getattr(request, "api_caller", None)
    if caller is not None:
        return int(caller[0])
    principal = principal_of_session(request) if hasattr(request, "session") else None
    return principal.tenant if principal else None


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return f"{request.method} /{match.route}" if match else str(request.method)
