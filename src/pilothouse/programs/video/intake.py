"""Normalises what a customer asks for: the same words from the API, a page or the demo become the same parameters."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import storable, whole_number

from . import limits
from .errors import AspectConflict, MetadataRefused
from .providers.protocol import SIZES

PLATFORM_ASPECTS = {
    "tiktok": "9:16",
    "reels": "9:16",
    "shorts": "9:16",
    "youtube": "16:9",
    "instagram": "1:1",
}
ASPECT_DEFAULT = "9:16"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ITEM_KEYS = {"params", "metadata"}
PARAM_KEYS = {"prompt", "image", "aspect", "platform", "seconds", "duration"}
_plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_quick = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class NewItem:
    """One item as the pipeline takes it: normalised parameters, the image's file id, and the customer's metadata.

    `given` are the parameters as they were asked for, image aside; None where the caller gave the normal form itself.
    """

    params: dict[str, Any]
    image: str | None
    metadata: dict[str, Any]
    given: dict[str, Any] | None = None


def request_id(value: Any) -> str:
    """A request_id of 1 to 255 characters without control characters; InvalidInput otherwise."""
    if not isinstance(value, str) or not 1 <= len(value) <= limits.REQUEST_ID_MAX_CHARACTERS:
        raise InvalidInput(reason=f"request_id must be a text of 1 to {limits.REQUEST_ID_MAX_CHARACTERS} characters.")
    if CONTROL.search(value) or not storable(value):
        raise InvalidInput(reason="request_id must not hold control characters.")
    return value


def items(values: Any) -> list[NewItem]:
    """The items of a request, each checked; the sentence of an InvalidInput names the position, from 0."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or not values:
        raise InvalidInput(reason="items must be a list with at least one item.")
    return [_item(position, value) for position, value in enumerate(values)]


def _item(position: int, value: Any) -> NewItem:
    where = f"items[{position}]"
    if not isinstance(value, Mapping):
        raise InvalidInput(reason=f"{where} must be an object with params and metadata.")
    _only(where, value, ITEM_KEYS)
    params = value.get("params")
    if not isinstance(params, Mapping):
        raise InvalidInput(reason=f"{where}.params must be an object with a prompt.")
    _only(f"{where}.params", params, PARAM_KEYS)
    image = params.get("image")
    if image is not None and (not isinstance(image, str) or not re.fullmatch(r"file_[0-9a-z]{26}", image)):
        raise InvalidInput(reason=f"{where}.params.image must be the id of an uploaded image, such as file_….")
    given = {key: value for key, value in params.items() if key != "image"}
    return NewItem(normalised(params, where), image, _metadata(where, value.get("metadata")), given)


def normalised(params: Mapping[str, Any], where: str = "item") -> dict[str, Any]:
    """The parameters that the pipeline runs, from those that were asked for; the normal form stays what it is.

    A change of what comes out of this for the same input raises PAYLOAD_SCHEMA_VERSION: the parity promise runs it
    again over what was asked for under the same version. Raises InvalidInput.
    """
    return {"prompt": _prompt(where, params), "aspect": _aspect(where, params), "seconds": _seconds(where, params)}


def _only(where: str, value: Mapping[str, Any], known: set[str]) -> None:
    if not value.keys() <= known:
        unknown = sorted(str(key) for key in value if key not in known)
        raise InvalidInput(
            reason=f"{where} has the unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}."
        )


def _prompt(where: str, params: Mapping[str, Any]) -> str:
    prompt = params.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidInput(reason=f"{where}.params.prompt must be a text that says what the video shows.")
    if len(prompt) > limits.PROMPT_MAX_CHARACTERS:
        raise InvalidInput(reason=f"{where}.params.prompt is longer than {limits.PROMPT_MAX_CHARACTERS} characters.")
    if CONTROL_IN_TEXT.search(prompt) or not storable(prompt):
        raise InvalidInput(reason=f"{where}.params.prompt holds control characters.")
    return prompt.strip()


def _aspect(where: str, params: Mapping[str, Any]) -> str:
    platform, aspect = params.get("platform"), params.get("aspect")
    if platform is not None and (not isinstance(platform, str) or platform not in PLATFORM_ASPECTS):
        raise InvalidInput(reason=f"{where}.params.platform must be one of {', '.join(PLATFORM_ASPECTS)}.")
    if aspect is None:
        return PLATFORM_ASPECTS[platform] if platform is not None else ASPECT_DEFAULT
    if not isinstance(aspect, str) or aspect not in SIZES:
        raise InvalidInput(reason=f"{where}.params.aspect must be one of {', '.join(SIZES)}.")
    if platform is not None and PLATFORM_ASPECTS[platform] != aspect:
        raise AspectConflict(
            reason=f"{where}.params.aspect {aspect} does not fit the platform {platform}; give one of them."
        )
    return aspect


def _seconds(where: str, params: Mapping[str, Any]) -> int:
    given = whole_number(params.get("seconds", params.get("duration", limits.SECONDS_DEFAULT)))
    if given is None or not limits.SECONDS_MIN <= given <= limits.SECONDS_MAX:
        raise InvalidInput(
            reason=f"{where}.params.seconds must be a whole number from {limits.SECONDS_MIN} to {limits.SECONDS_MAX}."
        )
    return given


def _metadata(where: str, metadata: Any) -> dict[str, Any]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidInput(reason=f"{where}.metadata must be an object.")
    if _is_plainly_small(metadata):
        return dict(metadata)
    try:
        text = _plain.encode(dict(metadata))
    except (TypeError, ValueError):
        raise MetadataRefused(reason=f"{where}.metadata must be plain JSON without NaN.") from None
    if len(text.encode(errors="replace")) > limits.METADATA_MAX_BYTES:
        raise MetadataRefused(reason=f"{where}.metadata is larger than {limits.METADATA_MAX_BYTES} bytes.")
    if "\\u0000" in text or not storable(text):
        raise MetadataRefused(
            reason=f"{where}.metadata holds a character that cannot be stored (NUL or half a surrogate)."
        )
    return dict(metadata)


def _is_plainly_small(metadata: Mapping[str, Any]) -> bool:
    """Whether nothing in the metadata needs a closer look, which takes ten times as long for each item.

    Spaces between the parts at most double the text. A NUL is written with a backslash, and NaN as null.
    """
    try:
        text = _quick.encode(metadata)
    except (TypeError, ValueError, OverflowError):
        return False
    return len(text) * 2 <= limits.METADATA_MAX_BYTES and b"\\" not in text and b"null" not in text
