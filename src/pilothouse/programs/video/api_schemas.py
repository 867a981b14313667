"""What the batch operations take and give, for /openapi.json. The code that checks bodies is `intake.py`."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from pilothouse.kernel.base.openapi import Next, Ok

from . import limits
from .intake import PLATFORM_ASPECTS
from .providers.protocol import SIZES

PARAMS: dict[str, Any] = {
    "type": "object",
    "required": ["prompt"],
    "additionalProperties": False,
    "properties": {
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": limits.PROMPT_MAX_CHARACTERS,
            "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
            "description": "What the video shows.",
            "example": "A ceramic mug on a wooden table, morning light",
        },
        "image": {
            "type": ["string", "null"],
            "pattern": "^file_[0-9a-z]{26}$",
            "description": "The id of an image uploaded with POST /v1/uploads.",
        },
        "aspect": {
            "type": ["string", "null"],
            "enum": [*sorted(SIZES), None],
            "description": "The shape; 9:16 when neither aspect nor platform is given.",
        },
        "platform": {
            "type": ["string", "null"],
            "enum": [*sorted(PLATFORM_ASPECTS), None],
            "description": "Instead of aspect: where the video will be shown.",
        },
        "seconds": {
            "type": "integer",
            "minimum": limits.SECONDS_MIN,
            "maximum": limits.SECONDS_MAX,
            "description": f"Length in seconds; {limits.SECONDS_DEFAULT} when not given.",
        },
        "duration": {
            "type": "integer",
            "minimum": limits.SECONDS_MIN,
            "maximum": limits.SECONDS_MAX,
            "description": "Another name of seconds; seconds counts when both are given.",
        },
    },
}
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["params"],
    "additionalProperties": False,
    "properties": {
        "params": {**PARAMS, "description": "What the video shows and how it is made."},
        "metadata": {
            "type": ["object", "null"],
            "description": "Anything of yours, returned unchanged; at most 4 KB.",
            "example": {"sku": "MUG-01"},
        },
    },
}
REQUEST_ID: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": limits.REQUEST_ID_MAX_CHARACTERS,
    "pattern": limits.REQUEST_ID_PATTERN,
    "description": "Your own id of this order: the idempotency key, kept for ever.",
    "example": "order-123",
}
CREATE_JSON: dict[str, Any] = {
    "type": "object",
    "required": ["request_id", "items"],
    "additionalProperties": False,
    "properties": {
        "request_id": REQUEST_ID,
        "webhook_url": {
            "type": ["string", "null"],
            "format": "uri",
            "minLength": 1,
            "maxLength": limits.WEBHOOK_URL_MAX_CHARACTERS,
            "description": "An https address for this batch only; null tells all your active endpoints of its mode.",
        },
        "items": {
            "type": "array",
            "minItems": 1,
            "items": ITEM,
            "description": "The videos to make; a pilot's batch has 10 to 50.",
        },
    },
}
CREATE_MULTIPART: dict[str, Any] = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {
            "type": "string",
            "description": 'The same JSON object; an item\'s "image" may be "@NAME", the name of a file part.',
        }
    },
    "additionalProperties": {"type": "string", "format": "binary", "description": "An image that items name."},
}


class BatchCreatedOut(Schema):
    """A batch was accepted, or had been before (header `Idempotent-Replayed`)."""

    ok: Ok
    batch_id: str = Field(description="The batch's id.")
    status: str = Field(description="pending.")


class SummaryOut(Schema):
    """Items by status; they always add up to `total`."""

    total: int = Field(description="All items.")
    pending: int = Field(description="Not begun.")
    running: int = Field(description="Under way.")
    succeeded: int = Field(description="Finished, with a video.")
    failed: int = Field(description="Ended without a video; their credits are back.")


class MoneyOut(Schema):
    """Credits of the batch: reserved = settled + refunded + in_flight, always."""

    reserved: int = Field(description="Taken from the wallet when the batch was accepted.")
    settled: int = Field(description="Paid for finished videos.")
    refunded: int = Field(description="Returned for videos that did not come.")
    in_flight: int = Field(description="Still held for videos that have not ended; 0 at the end.")


class WebhookOut(Schema):
    """Where the end is told, and how far that is."""

    url: str | None = Field(description="The batch's own address; null when your active endpoints are told.")
    status: str = Field(description="none, pending, delivered or failed.")


class BatchBody(Schema):
    """A batch as the API shows it."""

    batch_id: str = Field(description="The batch's id.")
    request_id: str = Field(description="Your id of this order.")
    status: str = Field(description="pending, running or completed.")
    summary: SummaryOut = Field(description="Items by status.")
    ledger: MoneyOut = Field(description="The batch's credits.")
    webhook: WebhookOut = Field(description="Where its end is told.")
    created_at: datetime = Field(description="When it was accepted.")
    completed_at: datetime | None = Field(description="When its last item ended; null before.")


class BatchOut(BatchBody):
    """One batch."""

    ok: Ok


class BatchesOut(Schema):
    """One page of batches, newest first."""

    ok: Ok
    batches: list[BatchBody] = Field(description="This page, newest first.")
    next: Next


class OutputOut(Schema):
    """A finished video."""

    url: str = Field(description="A link to the MP4; it needs no key and works for 15 minutes.")
    url_expires_at: datetime = Field(description="Until when this link works; ask for the item again for a new one.")
    expires_at: datetime | None = Field(description="When the video itself is deleted.")
    bytes: int = Field(description="Its size.")
    media_sha256: str = Field(description="The SHA-256 of its bytes, in hex.")


class StepOut(Schema):
    """One status of an item and when it began."""

    status: str = Field(description="pending, running, succeeded, failed or refunded.")
    at: datetime = Field(description="Since when.")


class ItemOut(Schema):
    """One item: what was asked, how it went, what came of it."""

    item_id: str = Field(description="The item's id.")
    position: int = Field(description="Its place in the batch.")
    status: str = Field(description="pending, running, succeeded or refunded.")
    failure_reason: str | None = Field(description="timeout, param_error, model_error or cancelled; else null.")
    hint: str | None = Field(description="What to change before you ask again; else null.")
    params: dict[str, Any] = Field(description="What was asked, with every default filled in.")
    metadata: dict[str, Any] = Field(description="Yours, unchanged.")
    fingerprint: str = Field(description="The hash of everything that decides how the item is made.")
    progress: int = Field(description="Per cent.")
    history: list[StepOut] = Field(description="Every status it went through, oldest first.")
    output: OutputOut | None = Field(description="Its video; null while there is none.")


class ItemsOut(Schema):
    """One page of items by position."""

    ok: Ok
    items: list[ItemOut] = Field(description="This page, by position.")
    next: Next


class CancelledOut(Schema):
    """How many waiting items were cancelled; their credits are back."""

    ok: Ok
    batch_id: str = Field(description="The batch's id.")
    cancelled: int = Field(description="Items that had not begun and never will.")


class FileOut(Schema):
    """A stored image; give `file_id` as an item's `image`."""

    ok: Ok
    file_id: str = Field(description="The image's id.")
    content_type: str = Field(description="What it is, judged by its bytes.")
    bytes: int = Field(description="Its size as stored: metadata of the camera is removed.")
    sha256: str = Field(description="The SHA-256 of the stored bytes, in hex.")


class UploadOut(Schema):
    """An upload that awaits its bytes. With `direct` null, send them to `/v1/uploads/ID` with PUT."""

    ok: Ok
    upload_id: str = Field(description="The upload's id.")
    expires_at: str = Field(description="Until when the bytes are awaited.")
    direct: dict[str, Any] | None = Field(description="How to send them straight to the storage, or null.")
