"""The JSON schemas of request bodies, for /openapi.json. The code that checks them is `intake.py`."""

from typing import Any

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
            "description": "What the video shows.",
            "example": "A ceramic mug on a wooden table, morning light",
        },
        "image": {
            "type": ["string", "null"],
            "description": "The id of an image uploaded with POST /v1/uploads.",
        },
        "aspect": {"type": "string", "enum": sorted(SIZES), "description": "The shape; 9:16 when not given."},
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
    },
}
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["params"],
    "additionalProperties": False,
    "properties": {
        "params": PARAMS,
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
            "description": "An https address for this batch only; null tells all your active endpoints.",
        },
        "items": {"type": "array", "minItems": 1, "items": ITEM},
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
    "additionalProperties": {"type": "string", "format": "binary"},
}
