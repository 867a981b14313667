"""What the webhook operations take and give, as documented in /openapi.json."""

from datetime import datetime
from typing import Any

from ninja import Schema

from .limits import DESCRIPTION_MAX_CHARACTERS, URL_MAX_CHARACTERS

_URL = {"type": "string", "format": "uri", "maxLength": URL_MAX_CHARACTERS}
_DESCRIPTION = {"type": "string", "minLength": 1, "maxLength": DESCRIPTION_MAX_CHARACTERS}
CREATE_JSON: dict[str, Any] = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {"url": _URL, "description": _DESCRIPTION},
}
UPDATE_JSON: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "url": _URL,
        "description": _DESCRIPTION,
        "status": {"type": "string", "enum": ["active", "paused"]},
    },
}


class LastOut(Schema):
    """The last attempt at an endpoint; `status` is null when there was no answer, then `error` says why."""

    at: datetime
    status: int | None
    error: str


class EndpointBody(Schema):
    """An endpoint. `overlap_until` is set while two secrets sign after a rotation."""

    endpoint_id: str
    url: str
    description: str
    status: str
    reason: str
    created_at: datetime
    overlap_until: datetime | None
    last_attempt: LastOut | None


class EndpointOut(EndpointBody):
    """One endpoint."""

    ok: bool


class CreatedOut(EndpointOut):
    """A new endpoint with its signing secret, which is shown this once."""

    secret: str


class EndpointsOut(Schema):
    """All endpoints, newest first."""

    ok: bool
    endpoints: list[EndpointBody]


class SecretOut(Schema):
    """A signing secret. After a rotation the old one signs beside it for `overlap_hours`."""

    ok: bool
    secret: str
    overlap_hours: int


class DeletedOut(Schema):
    """An endpoint was deleted."""

    ok: bool
    endpoint_id: str


class DeliveryBody(Schema):
    """One event due at one endpoint. `event_id` is the `webhook-id` header."""

    delivery_id: str
    event_id: str
    event: str
    endpoint_id: str
    url: str
    origin: str
    status: str
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    last_status: int | None
    last_error: str


class DeliveriesOut(Schema):
    """One page of deliveries, newest first."""

    ok: bool
    deliveries: list[DeliveryBody]
    next: str | None


class AttemptBody(Schema):
    """One HTTP try: the answer's status and its first bytes, or what stood in its way."""

    number: int
    at: datetime
    ms: int
    status: int | None
    error: str
    message: str
    excerpt: str
    body_sha256: str


class AttemptsOut(Schema):
    """All tries of one delivery, oldest first."""

    ok: bool
    delivery_id: str
    attempts: list[AttemptBody]


class QueuedOut(Schema):
    """A delivery was queued."""

    ok: bool
    delivery_id: str
