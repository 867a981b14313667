"""What the webhook operations take and give, as documented in /openapi.json."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from pilothouse.kernel.base.openapi import Next, Ok

from .limits import DESCRIPTION_MAX_CHARACTERS, URL_MAX_CHARACTERS

_URL = {
    "type": "string",
    "format": "uri",
    "minLength": 1,
    "maxLength": URL_MAX_CHARACTERS,
    "description": "A public https address that takes POST and answers 2xx.",
    "example": "https://hooks.example.com/videos",
}
_DESCRIPTION = {
    "type": "string",
    "minLength": 1,
    "maxLength": DESCRIPTION_MAX_CHARACTERS,
    "pattern": r"^[^\x00]+$",
    "description": "Your own words for this endpoint.",
}
CREATE_JSON: dict[str, Any] = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {
        "url": _URL,
        "description": _DESCRIPTION,
        "mode": {
            "type": "string",
            "enum": ["live", "test"],
            "default": "live",
            "description": "Of which batches it is told: those of live keys, or those of test keys.",
        },
    },
}
UPDATE_JSON: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "url": _URL,
        "description": _DESCRIPTION,
        "status": {
            "type": "string",
            "enum": ["active", "paused"],
            "description": "paused keeps what is due; active sends it.",
        },
    },
}


class LastOut(Schema):
    """The last attempt at an endpoint; `status` is null when there was no answer, then `error` says why."""

    at: datetime = Field(description="When it began.")
    status: int | None = Field(description="The HTTP status; null when there was no answer.")
    error: str = Field(description="What stood in the way; empty when there was an answer.")


class EndpointBody(Schema):
    """An endpoint. `overlap_until` is set while older secrets sign after a rotation."""

    endpoint_id: str = Field(description="The endpoint's id.")
    url: str = Field(description="Where it is sent.")
    mode: str = Field(description="Of which batches it is told: live or test.")
    description: str = Field(description="Your words.")
    status: str = Field(description="How it stands.")
    reason: str = Field(description="Why it is not active; empty when it is.")
    created_at: datetime = Field(description="When it was made.")
    overlap_until: datetime | None = Field(description="Until when older secrets sign beside the newest; else null.")
    last_attempt: LastOut | None = Field(description="The last attempt; null before the first.")


class EndpointOut(EndpointBody):
    """One endpoint."""

    ok: Ok


class EndpointCreatedOut(EndpointOut):
    """A new endpoint with its signing secret, which is shown this once."""

    secret: str = Field(description="The signing secret (Standard Webhooks), shown in this answer only.")


class EndpointsOut(Schema):
    """All endpoints, newest first."""

    ok: Ok
    endpoints: list[EndpointBody] = Field(description="All of them, newest first.")


class SecretOut(Schema):
    """A signing secret. After a rotation the old one signs beside it for `overlap_hours`."""

    ok: Ok
    secret: str = Field(description="The signing secret (Standard Webhooks), shown in this answer only.")
    overlap_hours: int = Field(description="For how long the old secret signs beside the new one.")


class DeletedOut(Schema):
    """An endpoint was deleted."""

    ok: Ok
    endpoint_id: str = Field(description="The endpoint's id.")


class DeliveryBody(Schema):
    """One event due at one endpoint. `event_id` is the `webhook-id` header."""

    delivery_id: str = Field(description="The delivery's id.")
    event_id: str = Field(description="The `webhook-id` header; the same for every try and replay.")
    event: str = Field(description="The kind of event, such as batch.completed.")
    endpoint_id: str = Field(description="The endpoint's id.")
    url: str = Field(description="Where it is sent.")
    origin: str = Field(description="event, test or replay.")
    status: str = Field(description="How it stands.")
    attempts: int = Field(description="How many tries there were.")
    next_attempt_at: datetime | None = Field(description="When it is tried next; null when it has ended.")
    created_at: datetime = Field(description="When it was made.")
    ended_at: datetime | None = Field(description="When it was delivered or given up; else null.")
    last_status: int | None = Field(description="The HTTP status of the last try; null without an answer.")
    last_error: str = Field(description="What stood in the way of the last try; else empty.")


class DeliveriesOut(Schema):
    """One page of deliveries, newest first."""

    ok: Ok
    deliveries: list[DeliveryBody] = Field(description="This page, newest first.")
    next: Next


class AttemptBody(Schema):
    """One HTTP try: the answer's status and its first bytes, or what stood in its way."""

    number: int = Field(description="Which try, from 1.")
    at: datetime = Field(description="When it began.")
    ms: int = Field(description="Milliseconds to the status line or the failure.")
    status: int | None = Field(description="The HTTP status; null when there was no answer.")
    error: str = Field(description="What stood in the way; empty when there was an answer.")
    message: str = Field(description="The error in words; empty without one.")
    excerpt: str = Field(description="The first bytes of the answer.")
    body_sha256: str = Field(description="The hash of the bytes that were sent.")


class AttemptsOut(Schema):
    """All tries of one delivery, oldest first."""

    ok: Ok
    delivery_id: str = Field(description="The delivery's id.")
    attempts: list[AttemptBody] = Field(description="Oldest first.")


class QueuedOut(Schema):
    """A delivery was queued."""

    ok: Ok
    delivery_id: str = Field(description="The delivery's id.")
