"""How the JSON API reads bodies and writes answers: msgspec both ways, the same errors everywhere."""

import json
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from .errors import InvalidInput, PilothouseError
from .limits import PAGE_SIZE_DEFAULT_ROWS, PAGE_SIZE_MAX_ROWS, REQUEST_BODY_MAX_BYTES
from .scope import release_connection

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class MalformedJson(PilothouseError):
    """The body is not JSON."""

    code = "malformed_json"
    status = 400
    message = "The body is not valid JSON: {reason}."


class BodyTooLarge(PilothouseError):
    """The body is larger than we read."""

    code = "body_too_large"
    status = 413
    message = "The body is larger than {max_bytes} bytes. Nothing was read."


class UnsupportedType(PilothouseError):
    """The body's content type is not one that this address takes."""

    code = "unsupported_media_type"
    status = 415
    message = "Send {expected}, not {given!r}."


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """A JSON answer."""
    return HttpResponse(_encoder.encode(body), status=status, content_type="application/json", headers=headers)


def raw_body(request: HttpRequest, max_bytes: int = REQUEST_BODY_MAX_BYTES) -> bytes:
    """The whole body; BodyTooLarge past the house's limit or `max_bytes`, MalformedJson when the sender went away.

    Read it before opening a scope: it takes as long as the client likes.
    """
    release_connection()
    try:
        body = request.body
    except RequestDataTooBig:
        raise BodyTooLarge(max_bytes=REQUEST_BODY_MAX_BYTES) from None
    except UnreadablePostError:
        raise MalformedJson(reason="the body ended early") from None
    if len(body) > max_bytes:
        raise BodyTooLarge(max_bytes=max_bytes)
    return body


def json_body(request: HttpRequest) -> dict[str, Any]:
    """The body as a JSON object. Raises UnsupportedType, MalformedJson, BodyTooLarge or InvalidInput."""
    kind = (request.content_type or "").lower()
    if kind not in ("application/json", ""):
        raise UnsupportedType(expected="application/json", given=kind[:100])
    return decode_object(raw_body(request))


class _GivenTwice(ValueError):
    """A JSON object holds a key twice."""


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) > 1 and len({key for key, _ in pairs}) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _GivenTwice(f"the key {ascii(twice)[:100]} is given twice")


# Which of two values counts differs between parsers, and a request is answered, hashed and replayed by its values.
_keys = json.JSONDecoder(object_pairs_hook=_refuse_twice, parse_int=len, parse_float=len)


def decode_object(data: bytes) -> dict[str, Any]:
    """Bytes as a JSON object without a key given twice. Raises MalformedJson or InvalidInput."""
    try:
        value = _decoder.decode(data)
        _keys.decode(data.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _GivenTwice, json.JSONDecodeError) as error:
        raise MalformedJson(reason=str(error)[:200]) from None
    if not isinstance(value, dict):
        raise InvalidInput(reason="The body must be a JSON object.")
    return value


def only(body: dict[str, Any], *known: str) -> None:
    """Refuse unknown fields by name: a typo must not be silently ignored where money is at stake."""
    for key in body:
        if key not in known:
            raise InvalidInput(reason=f"Unknown field {key!r}; known are {', '.join(known)}.")


def text_field(body: dict[str, Any], name: str, *, maximum: int, required: bool = False) -> str | None:
    """A text field of at most `maximum` characters without NUL, or None when it is absent and not required."""
    value = body.get(name)
    if value is None:
        if required:
            raise InvalidInput(reason=f"{name} is required.")
        return None
    if not isinstance(value, str) or not value or len(value) > maximum or not storable(value):
        raise InvalidInput(reason=f"{name} must be a text of 1 to {maximum} characters without control characters.")
    return value


def whole_number(value: Any) -> int | None:
    """A JSON value as a whole number (4.0 is one, true is none), or None when it is not one."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if type(value) is int else None


def storable(text: str) -> bool:
    """Whether PostgreSQL can keep this text: no NUL, no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def page_size(limit: int | None) -> int:
    """Rows of one page from the query parameter `limit`; InvalidInput when out of bounds."""
    if limit is None:
        return PAGE_SIZE_DEFAULT_ROWS
    if not 1 <= limit <= PAGE_SIZE_MAX_ROWS:
        raise InvalidInput(reason=f"limit must be between 1 and {PAGE_SIZE_MAX_ROWS}.")
    return limit
