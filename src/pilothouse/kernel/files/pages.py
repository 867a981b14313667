"""The one page of this room: the bytes behind a signed link, whole or in ranges (video players ask for ranges)."""

import re
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.json_api import answer
from pilothouse.kernel.base.scope import release_connection, tenant_scope

from .content import TYPES
from .errors import LinkInvalid, StorageDown
from .links import Ticket, read_token
from .models import File
from .storage import ObjectMissing, store

RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


@require_safe
def serve_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file of a signed link: 200, 206 for a range, 304 for an unchanged one, 404 for anything not granted."""
    try:
        ticket = read_token(token)
        with tenant_scope(ticket.tenant, "signed link"):
            file = File.objects.filter(public_id=ticket.public_id, state="stored").first()
    except LinkInvalid as error:
        return _refusal(request, error)
    if file is None:
        return _refusal(request, LinkInvalid())
    release_connection()
    headers = _headers(file, ticket)
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    unchanged = request.headers.get("If-Range") in (None, headers["ETag"])
    wanted = _range(request.headers.get("Range", ""), file.size_bytes) if unchanged else None
    if wanted == ():
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{file.size_bytes}"})
    start, end = wanted or (0, file.size_bytes)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    try:
        chunks: Iterator[bytes] = iter(())
        if request.method != "HEAD":
            chunks = store().read(file.storage_key, start, end)
    except ObjectMissing:
        return _refusal(request, LinkInvalid())
    except StorageDown as error:
        return _refusal(request, error)
    return StreamingHttpResponse(chunks, status=206 if wanted else 200, headers=headers)


def _headers(file: File, ticket: Ticket) -> dict[str, str]:
    extension = TYPES[file.content_type].extension
    name = file.name or f"{file.public_id}.{extension}"
    if not name.lower().endswith(f".{extension}"):
        name = f"{name}.{extension}"
    left_s = max(0, ticket.ends_at - int(clock.now().timestamp()))
    return {
        "Content-Type": file.content_type,
        "Content-Disposition": content_disposition_header(ticket.download, name) or "inline",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.sha256}"',
        # The bytes never change, but the permission to read them ends.
        "Cache-Control": f"private, max-age={left_s}",
        "Referrer-Policy": "no-referrer",
    }


def _range(header: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """(start, end exclusive) of a single range; () when it lies outside the file; None when it is to be ignored."""
    found = RANGE.fullmatch(header.strip())
    if found is None or found.group(0) == "bytes=-" or len(header) > 64:
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
        return (start, end) if int(last) else ()
    start, end = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < int(first):
        return None
    return (start, end) if start < size else ()


def _refusal(request: HttpRequest, error: PilothouseError) -> HttpResponse:
    """The API's answer, for the link stands in one; a sentence for a person who opens it in a browser."""
    if "text/html" in request.headers.get("Accept", ""):
        return HttpResponse(
            str(error), status=error.status, headers=error.headers, content_type="text/plain; charset=utf-8"
        )
    return answer(error.as_json(str(getattr(request, "request_id", ""))), error.status, error.headers)
