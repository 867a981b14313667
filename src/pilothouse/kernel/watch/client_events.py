"""The door for what a browser tells of itself: `POST /v1/client-events`.

A closed list of fields, and none of them can hold who somebody is: the address is looked up and only its route is
kept, names are short words, an error's own words are masked and cut. A field that is not on the list refuses the whole
post, so that nothing else is ever sent here by habit.
"""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from pilothouse.kernel.access.middleware import client_ip, ip_hash
from pilothouse.kernel.access.rate import count_client_post
from pilothouse.kernel.base.errors import InvalidInput, PilothouseError, error_body
from pilothouse.kernel.base.json_api import answer, json_body, raw_body, storable

from . import limits
from .error_log import record_act, record_browser_error, record_page
from .places import place_of

FIELDS = {
    "error": {"kind", "name", "message", "script", "line"},
    "page": {"kind", "ms"},
    "act": {"kind", "name", "to"},
}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
SCRIPT = re.compile(r"/static/[A-Za-z0-9/._-]{1,150}\.js")


@csrf_exempt
def client_events(request: HttpRequest) -> HttpResponse:
    """Take what happened in one page. 204 says that it is counted."""
    request_id = str(getattr(request, "request_id", ""))
    if request.method != "POST":
        return answer(error_body("method_not_allowed", "Send it by POST.", {}, request_id), 405, {"Allow": "POST"})
    try:
        raw_body(request, limits.CLIENT_EVENTS_BODY_MAX_BYTES)
        take(json_body(request), request)
    except PilothouseError as refused:
        return answer(refused.as_json(request_id), refused.status, refused.headers)
    return HttpResponse(status=204)


def take(body: Any, request: HttpRequest) -> None:
    """Judge one post whole, count it against the rate, then record it. Raises InvalidInput or TooManyRequests."""
    page, events = _judged(body)
    person = request.user.pk if request.user.is_authenticated else None
    count_client_post(person, ip_hash(client_ip(request)))
    place = place_of(page)
    for event in events:
        if event["kind"] == "error":
            script = event.get("script", "")
            record_browser_error(
                event["name"], event["message"], script if SCRIPT.fullmatch(script) else "", event.get("line", 0), place
            )
        elif event["kind"] == "page":
            record_page(place, event["ms"])
        else:
            record_act(place, event.get("name") or place_of(event["to"]))


def _judged(body: Any) -> tuple[str, list[dict[str, Any]]]:
    if not isinstance(body, dict) or set(body) != {"page", "events"}:
        raise InvalidInput(reason="Send {page, events} and nothing else.")
    page, events = body["page"], body["events"]
    if not _text(page, limits.PLACE_MAX_CHARACTERS):
        raise InvalidInput(reason=f"page must be a path of at most {limits.PLACE_MAX_CHARACTERS} characters.")
    if not isinstance(events, list) or not 0 < len(events) <= limits.CLIENT_EVENTS_MAX_COUNT:
        raise InvalidInput(reason=f"events must be a list of 1 to {limits.CLIENT_EVENTS_MAX_COUNT}.")
    for number, event in enumerate(events):
        if not _is_event(event):
            raise InvalidInput(reason=f"events.{number} is not an event that is taken here.")
    return page, events


def _is_event(event: Any) -> bool:
    kind = event.get("kind") if isinstance(event, dict) else None
    if not isinstance(kind, str) or kind not in FIELDS or not set(event) <= FIELDS[kind]:
        return False
    if kind == "error":
        return (
            _text(event.get("name"), limits.ERROR_WORDS_MAX_CHARACTERS)
            and _text(event.get("message"), limits.ERROR_WORDS_MAX_CHARACTERS)
            and _text(event.get("script", ""), limits.PLACE_MAX_CHARACTERS)
            and _whole(event.get("line", 0), limits.SCRIPT_LINE_MAX)
        )
    if kind == "page":
        return _whole(event.get("ms"), limits.PAGE_LOAD_MAX_MS)
    name, to = event.get("name"), event.get("to")
    named = isinstance(name, str) and NAME.fullmatch(name) is not None
    return named if to is None else name is None and _text(to, limits.PLACE_MAX_CHARACTERS)


def _text(value: Any, maximum: int) -> bool:
    return isinstance(value, str) and len(value) <= maximum and storable(value)


def _whole(value: Any, maximum: int) -> bool:
    return type(value) is int and 0 <= value <= maximum
