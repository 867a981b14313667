"""Errors for people and machines: one class = one code = one HTTP status = one sentence.

The JSON shape is always
`{"ok": false, "error": {"code", "message", "details", "request_id"}}`.
"""

import sys
from collections.abc import Mapping
from typing import Any, ClassVar


class PilothouseError(Exception):
    """Base of every error that a caller may see.

    Subclasses set `code`, `status` and `message`; the message is a format string over the keyword arguments,
    which are also the JSON `details`. `headers` are added to the HTTP answer. The sentence is in the language of
    whoever asked; an API answer's is always English.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: ClassVar[str] = "Something went wrong on our side. Nothing was changed."

    def __init__(self, headers: Mapping[str, str] | None = None, **details: Any) -> None:
        self.details = details
        self.headers = dict(headers or {})
        super().__init__(
            _translated(self.message).format(**{name: _translated(each) for name, each in details.items()})
        )

    def as_json(self, request_id: str = "") -> dict[str, Any]:
        """The one JSON shape of an error."""
        return error_body(self.code, str(self), self.details, request_id)


def _translated(value: Any) -> Any:
    """A text in the active language; anything else, and a text that no catalogue knows, as it is."""
    if not isinstance(value, str) or not value:  # gettext answers an empty text with a catalogue's head
        return value
    # A script without Django, as one that only asks a provider, has no language and need not load one.
    if "django" not in sys.modules:
        return value
    from django.conf import settings
    from django.utils.translation import gettext

    return gettext(value) if settings.configured else value


def error_body(
    code: str, message: str, details: Mapping[str, Any] | None = None, request_id: str = ""
) -> dict[str, Any]:
    """The one JSON shape of an error, for callers that hold no exception."""
    return {
        "ok": False,
        "error": {"code": code, "message": message, "details": dict(details or {}), "request_id": request_id},
    }


class NotFound(PilothouseError):
    """The thing does not exist, or belongs to somebody else: the two are never told apart."""

    code = "not_found"
    status = 404
    message = "There is no {what} with this id in your account."


class UnknownAccount(NotFound):
    """Our own people named an account that is not there."""

    message = "There is no account with this id."


class InvalidInput(PilothouseError):
    """The request does not have the right form."""

    code = "invalid_input"
    status = 422
    message = "{reason}"


class UnknownCursor(InvalidInput):
    """The cursor has the right form and was not given by an earlier page."""

    code = "unknown_cursor"
    message = "The cursor is not one that an earlier page gave."


class Forbidden(PilothouseError):
    """The caller is known and may not do this."""

    code = "forbidden"
    status = 403
    message = "Your role does not allow this: {needed} is needed."


class RequestIdConflict(PilothouseError):
    """The id of a request was used before with another body."""

    code = "request_id_conflict"
    status = 422
    message = "The key {key!r} was used before with another body, for {first}. Nothing was done."


class RequestInFlight(PilothouseError):
    """The same request is being carried out at this moment."""

    code = "request_in_flight"
    status = 409
    message = "A request with this key is being worked on. Ask again in {retry_after_s} s; it will not be doubled."


class Conflict(PilothouseError):
    """The thing is not in a state in which this can be done."""

    code = "conflict"
    status = 409
    message = "{reason}"
