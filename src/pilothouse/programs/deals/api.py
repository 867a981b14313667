"""The JSON API of deals: every command of both sides by their sessions, and the operators' desk in `api_admin`.

A key holds no scope for deals: people trade here. Each command takes an `Idempotency-Key`.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from ninja import NinjaAPI, Router
from ninja.params.functions import Query

from pilothouse.kernel.base.cursors import open_cursor, seal_cursor
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import (
    BodyTooLarge,
    MalformedJson,
    UnsupportedType,
    answer,
    json_body,
    only,
    page_size,
    text_field,
)
from pilothouse.kernel.base.limits import REQUEST_BODY_MAX_BYTES
from pilothouse.kernel.base.openapi import body, cursor_query, errors, id_path, limit_query
from pilothouse.kernel.base.scope import release_connection, tenant_scope
from pilothouse.kernel.files.commands import put_object

from . import commands, evidence, limits, queries
from .api_calls import KEY_HEADER, answered, key_of, own, party
from .api_commands import COMMANDS, DRAFT, Command, read_draft
from .api_schemas import DealFileOut, DealOut, DealsOut, DealTimelineOut, field, obj
from .api_views import deal_json, row_json, timeline_json
from .evidence import ACCEPTED
from .lifecycle import DEAL
from .requests import once

router = Router(tags=["deals"])
STATE = Query(None, description="Only deals in this state.", enum=sorted(DEAL.states))
CREATE = obj(
    ["side", "template", "price", "title"],
    side=field("string", "Which side you are.", "seller", enum=["buyer", "seller"]),
    template=field("string", "Country and category of the terms in force.", "MN_USED_CAR_PRIVATE"),
    **DRAFT,
)
JOIN = obj(["invitation"], invitation=field("string", "The secret of the link that you were sent.", "pJ3vWmQ8d2"))
UPLOAD = obj(
    ["type", "file"],
    type=field("string", "What it stands for; decides which files are taken.", "PHOTO", enum=sorted(ACCEPTED)),
    file=field("string", "The file itself.", "photo.jpg", format="binary"),
)


@router.get("/deals", response={200: DealsOut, **errors(401, 403, 422, 429)}, summary="List your deals")
def get_deals(
    request: HttpRequest,
    limit: int = limit_query(),
    cursor: str = cursor_query(),
    state: str = STATE,
    search: str = Query(None, max_length=limits.FIELD_MAX_CHARACTERS, description="Words of the title, or an id."),
) -> HttpResponse:
    """The deals in which you are a side, newest first."""
    principal, who = party(request)
    count = page_size(limit)
    if state is not None and state not in DEAL.states:
        raise InvalidInput(reason=f"state is one of {', '.join(sorted(DEAL.states))}.")
    with tenant_scope(principal.tenant, principal.actor):
        before = open_cursor("deals", principal.tenant, cursor)
        rows = queries.deals(person=who.person, state=state, search=search, before=before, count=count + 1)
    following = seal_cursor("deals", principal.tenant, rows[count - 1]["id"]) if len(rows) > count else None
    return answer({"ok": True, "deals": [row_json(row) for row in rows[:count]], "next": following})


@router.post(
    "/deals",
    response={201: DealOut, **errors(401, 403, 404, 409, 413, 415, 422, 429)},
    openapi_extra={**body(CREATE), **KEY_HEADER},
    summary="Draft a deal",
)
def post_deal(request: HttpRequest) -> HttpResponse:
    """A draft, pinned for life to the terms in force of its country and category."""
    principal, who = party(request)
    key, given = key_of(request), json_body(request)
    only(given, "side", "template", "price", "title", "item")
    side = text_field(given, "side", maximum=limits.NAME_MAX_CHARACTERS, required=True) or ""
    template = text_field(given, "template", maximum=limits.NAME_MAX_CHARACTERS, required=True) or ""
    draft = read_draft(given)

    def create() -> dict[str, Any]:
        made = commands.create_deal(person=who.person, side=side, template=template, **draft)
        return deal_json(made, side)

    with tenant_scope(principal.tenant, principal.actor):
        told, replayed = once(own(who), "create", key, who.person, given, create)
    return answered(told, replayed, 201)


@router.post(
    "/deals/join",
    response={200: DealOut, **errors(401, 403, 404, 409, 413, 415, 422, 429)},
    openapi_extra={**body(JOIN), **KEY_HEADER},
    summary="Join a deal",
)
def post_join(request: HttpRequest) -> HttpResponse:
    """Take the free side of an offer with the secret of its one-time link; the link is then yours alone."""
    principal, who = party(request)
    key, given = key_of(request), json_body(request)
    only(given, "invitation")
    secret = text_field(given, "invitation", maximum=limits.FIELD_MAX_CHARACTERS, required=True) or ""

    def join() -> dict[str, Any]:
        joined = commands.join(secret, who.person, own_email=who.email)
        return deal_json(*commands.access_deal(joined.public_id, who.person))

    with tenant_scope(principal.tenant, principal.actor):
        told, replayed = once(own(who), "join", key, who.person, given, join)
    return answered(told, replayed)


@router.get(
    "/deals/{deal_id}", response={200: DealOut, **errors(401, 403, 404, 429)}, summary="One deal"
)  # fmt: skip
def get_deal(request: HttpRequest, deal_id: str = id_path("a deal")) -> HttpResponse:
    """Where it is, where its money is, what happens next by itself, and what you can do."""
    principal, who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        deal, side = commands.access_deal(deal_id, who.person)
        told = deal_json(deal, side)
    return answer(told)


@router.get(
    "/deals/{deal_id}/timeline",
    response={200: DealTimelineOut, **errors(401, 403, 404, 429)},
    summary="Its timeline",
)
def get_timeline(request: HttpRequest, deal_id: str = id_path("a deal")) -> HttpResponse:
    """Everything that happened to a deal and to its dispute, with the money that each step moved."""
    principal, who = party(request)
    with tenant_scope(principal.tenant, principal.actor):
        deal, _ = commands.access_deal(deal_id, who.person)
        events = timeline_json(deal)
    return answer({"ok": True, "deal_id": deal_id, "events": events})


@router.post(
    "/deals/{deal_id}/files",
    response={201: DealFileOut, **errors(401, 403, 404, 409, 413, 415, 422, 429)},
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": UPLOAD}}}, **KEY_HEADER
    },
    summary="Upload a file",
)  # fmt: skip
def post_file(request: HttpRequest, deal_id: str = id_path("a deal")) -> HttpResponse:
    """Store a photo, a video or a document of a deal. It is judged by its content, and an image keeps no place."""
    principal, who = party(request)
    key = key_of(request)
    kind, part = _uploaded(request)
    with tenant_scope(principal.tenant, principal.actor):
        commands.access_deal(deal_id, who.person)
    # The image is decoded before a database connection is taken.
    release_connection()
    stored = put_object(principal.tenant, part.chunks(), ACCEPTED[kind], clean=True)
    given = {"type": kind, "sha256": stored.sha256}
    with evidence.kept(stored, deal_id) as keep, tenant_scope(principal.tenant, principal.actor):
        commands.access_deal(deal_id, who.person)
        told, replayed = once(deal_id, "upload", key, who.person, given, keep)
    return answered(told, replayed, 201)


def _uploaded(request: HttpRequest) -> tuple[str, Any]:
    """The type and the file of a multipart body."""
    if not (request.content_type or "").startswith("multipart/"):
        raise UnsupportedType(expected="multipart/form-data", given=(request.content_type or "")[:100])
    release_connection()
    try:
        kind, part = request.POST.get("type"), request.FILES.get("file")
    except (RequestDataTooBig, TooManyFilesSent):
        raise BodyTooLarge(max_bytes=REQUEST_BODY_MAX_BYTES) from None
    except MultiPartParserError as error:
        raise MalformedJson(reason=str(error)[:200]) from None
    except UnreadablePostError:
        raise MalformedJson(reason="the body ended early") from None
    if kind not in ACCEPTED:
        raise InvalidInput(reason=f'The part "type" is one of {", ".join(sorted(ACCEPTED))}.')
    if part is None:
        raise InvalidInput(reason='The part "file" is missing.')
    return kind, part


def _operation(command: Command) -> Callable[..., HttpResponse]:
    known = tuple(command.body["properties"])

    def operation(request: HttpRequest, deal_id: str = id_path("a deal")) -> HttpResponse:
        principal, who = party(request)
        key = key_of(request)
        # Where nothing is needed an empty body is as good as {}.
        given = json_body(request) if known or request.body else {}
        only(given, *known)

        def run() -> dict[str, Any]:
            more = command.run(deal_id, who, given)
            deal, side = commands.access_deal(deal_id, who.person)
            return {**deal_json(deal, side), **(more or {})}

        with tenant_scope(principal.tenant, principal.actor):
            commands.access_deal(deal_id, who.person)
            told, replayed = once(deal_id, command.name, key, who.person, given, run)
        return answered(told, replayed)

    operation.__name__ = f"post_{command.name}"
    operation.__doc__ = command.about
    return operation


for _command in COMMANDS:
    router.post(
        f"/deals/{{deal_id}}/{_command.path}",
        response={200: DealOut, **errors(401, 403, 404, 409, 413, 415, 422, 429)},
        openapi_extra={**body(_command.body), **KEY_HEADER},
        summary=_command.summary,
        description=_command.about,
    )(_operation(_command))


def add_to(api: NinjaAPI) -> None:
    """Mount the program's routers."""
    from .api_admin import router as admin_router
    from .api_admin_terms import router as terms_router
    from .api_money import router as money_router

    api.add_router("/v1", router)
    api.add_router("/v1", money_router)
    api.add_router("/v1/admin", admin_router)
    api.add_router("/v1/admin", terms_router)
