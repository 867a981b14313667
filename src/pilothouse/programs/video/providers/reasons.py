"""From an adapter's error code to the only words a customer may read: timeout, param_error, model_error.

Raw codes stay for operators. Whatever no table names is `model_error`. The version is part of an item's fingerprint:
raise it with every change of a table.
"""

from collections.abc import Mapping
from typing import Final, Literal

CustomerReason = Literal["timeout", "param_error", "model_error"]

FAILURE_MAP_VERSION: Final = "1"
DEFAULT_REASON: Final[CustomerReason] = "model_error"

# Codes that the house itself gives, whichever adapter was used.
_HOUSE: Final[Mapping[str, CustomerReason]] = {
    "item_timeout": "timeout",
    "batch_deadline": "timeout",
    "call_timeout": "timeout",
    "capacity": "timeout",
    "rate_limited": "timeout",
    "breaker_open": "timeout",
    "unsupported": "param_error",
    "content_policy": "param_error",
    "image_too_large": "param_error",
    "image_undecodable": "param_error",
    "image_size": "param_error",
}

# By kind of adapter, because one code can mean different things to different upstreams.
_BY_ADAPTER: Final[Mapping[str, Mapping[str, CustomerReason]]] = {
    "local": {
        "render_queue_full": "timeout",
    },
    "simulated": {
        "model_timeout": "timeout",
    },
    "videos_api": {
        "bad_request": "param_error",
        "moderation_blocked": "param_error",
        "content_policy_violation": "param_error",
        "content_filter": "param_error",
        "safety": "param_error",
        "invalid_prompt": "param_error",
        "invalid_request_error": "param_error",
        "invalid_value": "param_error",
        "invalid_image": "param_error",
        "invalid_image_format": "param_error",
        "unprocessable": "param_error",
        "too_large": "param_error",
        "timeout": "timeout",
        "deadline_exceeded": "timeout",
        "generation_timeout": "timeout",
        "rate_limit_exceeded": "timeout",
        "server_overloaded": "timeout",
        "overloaded": "timeout",
        "poll_denied": "timeout",
        "lost_response": "timeout",
    },
    "veo": {
        "bad_request": "param_error",
        "invalid_argument": "param_error",
        "failed_precondition": "param_error",
        "out_of_range": "param_error",
        "filtered": "param_error",
        "deadline_exceeded": "timeout",
        "resource_exhausted": "timeout",
        "poll_denied": "timeout",
        "lost_response": "timeout",
    },
}


def customer_reason(adapter: str, code: str) -> CustomerReason:
    """The customer's word for `code` of an adapter kind (`local`, `simulated`, `videos_api`, `veo`)."""
    table = _BY_ADAPTER.get(adapter, {})
    return table.get(code) or _HOUSE.get(code) or DEFAULT_REASON
