"""Product images: uploaded before a batch, or together with it as multipart."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import UnreadablePostError
from ninja import Router

from pilothouse.kernel.access.api_auth import caller
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import (
    BodyTooLarge,
    MalformedJson,
    answer,
    decode_object,
    json_body,
    only,
    raw_body,
    text_field,
    whole_number,
)
from pilothouse.kernel.base.limits import REQUEST_BODY_MAX_BYTES
from pilothouse.kernel.base.openapi import errors, id_path
from pilothouse.kernel.base.scope import release_connection, tenant_scope
from pilothouse.kernel.files.commands import (
    StoredObject,
    complete_upload,
    create_upload,
    discarded_on_error,
    put_object,
    record_files,
)
from pilothouse.kernel.files.content import IMAGES
from pilothouse.kernel.files.models import File

from .api_schemas import FileOut, UploadOut

PURPOSE = "input"
router = Router(tags=["uploads"])
IMAGE_TYPES = [file_type.content_type for file_type in IMAGES]
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in IMAGE_TYPES},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["content_type", "size_bytes"],
                    "additionalProperties": False,
                    "properties": {
                        "content_type": {"type": "string", "enum": IMAGE_TYPES, "description": "What will be sent."},
                        "size_bytes": {"type": "integer", "minimum": 1, "description": "How much; at most 10 MiB."},
                    },
                }
            },
        },
    }
}


@router.post(
    "/uploads",
    response={201: FileOut, 202: UploadOut, **errors(401, 403, 413, 415, 422, 429)},
    openapi_extra=UPLOAD_BODY,
    summary="Upload an image",
)
def post_upload(request: HttpRequest) -> HttpResponse:
    """Send the image itself as the body, or announce it as JSON to upload it straight to the storage."""
    principal = caller(request, "batches:write")
    if request.content_type == "application/json":
        return answer(_announce(principal, json_body(request)), 202)
    # The body is read and the image decoded before a database connection is taken.
    stored = put_object(principal.tenant, raw_body(request), IMAGES, clean=True)
    with discarded_on_error([stored]), tenant_scope(principal.tenant, principal.actor):
        record_inputs([stored])
    return answer(_stored_json(stored), 201)


def _announce(principal: Principal, given: dict[str, Any]) -> dict[str, Any]:
    only(given, "content_type", "size_bytes")
    size = whole_number(given.get("size_bytes"))
    if size is None or size < 1:
        raise InvalidInput(reason="size_bytes must be a whole number above zero.")
    content_type = text_field(given, "content_type", maximum=100, required=True) or ""
    with tenant_scope(principal.tenant, principal.actor):
        upload = create_upload(content_type=content_type, size_bytes=size, purpose=PURPOSE, accepted=IMAGES)
    direct = upload.direct
    return {
        "ok": True,
        "upload_id": upload.public_id,
        "expires_at": clock.iso(upload.expires_at),
        "direct": None if direct is None else {"method": direct.method, "url": direct.url, "headers": direct.headers},
    }


@router.put(
    "/uploads/{upload_id}",
    response={201: FileOut, **errors(401, 403, 404, 413, 415, 422, 429)},
    openapi_extra={"requestBody": {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
    summary="Send an announced image",
)
def put_upload(request: HttpRequest, upload_id: str = id_path("an announced upload")) -> HttpResponse:
    """The bytes of an announced upload; with an empty body, what was sent straight to the storage is taken."""
    principal = caller(request, "batches:write")
    data = raw_body(request)
    with tenant_scope(principal.tenant, principal.actor):
        file = complete_upload(upload_id, IMAGES, source=[data] if data else None, kept_days=settings.INPUT_KEPT_DAYS)
        return answer(_file_json(file), 201)


def record_inputs(stored: Sequence[StoredObject]) -> None:
    """The rows of a customer's images, which are removed INPUT_KEPT_DAYS after a batch named them last."""
    record_files(stored, purpose=PURPOSE, kept_days=settings.INPUT_KEPT_DAYS)


def _file_json(file: File) -> dict[str, Any]:
    return {
        "ok": True,
        "file_id": file.public_id,
        "content_type": file.content_type,
        "bytes": file.size_bytes,
        "sha256": file.sha256,
    }


def _stored_json(stored: StoredObject) -> dict[str, Any]:
    return {
        "ok": True,
        "file_id": stored.public_id,
        "content_type": stored.file_type.content_type,
        "bytes": stored.size_bytes,
        "sha256": stored.sha256,
    }


Parts = Mapping[str, Any]


def read_multipart(request: HttpRequest) -> tuple[dict[str, Any], Parts]:
    """The JSON of the part `batch`, and the other parts by name. Needs no scope."""
    release_connection()
    try:
        text, parts = request.POST.get("batch"), request.FILES
    except (RequestDataTooBig, TooManyFilesSent):
        raise BodyTooLarge(max_bytes=REQUEST_BODY_MAX_BYTES) from None
    except MultiPartParserError as error:
        raise MalformedJson(reason=str(error)[:200]) from None
    except UnreadablePostError:
        raise MalformedJson(reason="the body ended early") from None
    if text is None:
        raise InvalidInput(reason='The part "batch" with the JSON of the batch is missing.')
    return decode_object(text.encode()), parts


def store_parts(tenant: int, given: dict[str, Any], parts: Parts, stored: list[StoredObject]) -> None:
    """Store each file part that an item names as `@NAME` and put its file's id in the name's place. Needs no scope.

    What lies in the storage is in `stored` also when this raises: the caller makes the rows, or discards it.
    """
    ids: dict[str, str] = {}
    items = given.get("items")
    for position, item in enumerate(items if isinstance(items, list) else []):
        params = item.get("params") if isinstance(item, dict) else None
        if not isinstance(params, dict):
            continue
        name = params.get("image")
        if not isinstance(name, str) or not name.startswith("@"):
            continue
        part = parts.get(name[1:])
        if part is None or isinstance(part, list):
            raise InvalidInput(reason=f"items[{position}] names the file part {name[1:]!r}, which is not in the body.")
        if name not in ids:
            stored.append(put_object(tenant, part.chunks(), IMAGES, clean=True))
            ids[name] = stored[-1].public_id
        params["image"] = ids[name]
