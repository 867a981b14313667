"""Product images: uploaded before a batch, or together with it as multipart."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from ninja import Router

from pilothouse.kernel.access.api_auth import caller
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
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.files.commands import complete_upload, create_upload, store_file
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
    with tenant_scope(principal.tenant, principal.actor):
        if request.content_type == "application/json":
            given = json_body(request)
            only(given, "content_type", "size_bytes")
            size = whole_number(given.get("size_bytes"))
            if size is None or size < 1:
                raise InvalidInput(reason="size_bytes must be a whole number above zero.")
            upload = create_upload(
                content_type=text_field(given, "content_type", maximum=100, required=True) or "",
                size_bytes=size,
                purpose=PURPOSE,
                accepted=IMAGES,
            )
            direct = upload.direct
            return answer(
                {
                    "ok": True,
                    "upload_id": upload.public_id,
                    "expires_at": clock.iso(upload.expires_at),
                    "direct": None
                    if direct is None
                    else {"method": direct.method, "url": direct.url, "headers": direct.headers},
                },
                202,
            )
        return answer(_file_json(store_file(raw_body(request), IMAGES, purpose=PURPOSE, clean=True)), 201)


@router.put(
    "/uploads/{upload_id}",
    response={201: FileOut, **errors(401, 403, 404, 413, 415, 422, 429)},
    openapi_extra={"requestBody": {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
    summary="Send an announced image",
)
def put_upload(request: HttpRequest, upload_id: str = id_path("an announced upload")) -> HttpResponse:
    """The bytes of an announced upload; with an empty body, what was sent straight to the storage is taken."""
    principal = caller(request, "batches:write")
    with tenant_scope(principal.tenant, principal.actor):
        data = raw_body(request)
        file = complete_upload(upload_id, IMAGES, source=[data] if data else None)
        return answer(_file_json(file), 201)


def _file_json(file: File) -> dict[str, Any]:
    return {
        "ok": True,
        "file_id": file.public_id,
        "content_type": file.content_type,
        "bytes": file.size_bytes,
        "sha256": file.sha256,
    }


def batch_from_multipart(request: HttpRequest) -> dict[str, Any]:
    """The JSON of the part `batch`, with each image `@NAME` stored and replaced by its file's id."""
    try:
        text, parts = request.POST.get("batch"), request.FILES
    except (RequestDataTooBig, TooManyFilesSent):
        raise BodyTooLarge(max_bytes=REQUEST_BODY_MAX_BYTES) from None
    except MultiPartParserError as error:
        raise MalformedJson(reason=str(error)[:200]) from None
    if text is None:
        raise InvalidInput(reason='The part "batch" with the JSON of the batch is missing.')
    given = decode_object(text.encode())
    stored: dict[str, str] = {}
    for position, item in enumerate(given.get("items") or []):
        params = item.get("params") if isinstance(item, dict) else None
        if not isinstance(params, dict):
            continue
        name = params.get("image")
        if not isinstance(name, str) or not name.startswith("@"):
            continue
        part = parts.get(name[1:])
        if part is None or isinstance(part, list):
            raise InvalidInput(reason=f"items[{position}] names the file part {name[1:]!r}, which is not in the body.")
        if name not in stored:
            stored[name] = store_file(part.chunks(), IMAGES, purpose=PURPOSE, clean=True).public_id
        params["image"] = stored[name]
    return given
