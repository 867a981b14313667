"""What every operation of the API documents alike: its errors and its request bodies."""

from typing import Any

from ninja import Schema


class ErrorBody(Schema):
    """What went wrong: a stable code for machines, one sentence for people, the values, and the request's id."""

    code: str
    message: str
    details: dict[str, Any]
    request_id: str


class ErrorOut(Schema):
    """The one shape of an error."""

    ok: bool
    error: ErrorBody


def errors(*statuses: int) -> dict[int, type[ErrorOut]]:
    """The response map of these error statuses; 500 and 503 can always happen and are always documented."""
    return dict.fromkeys((400, *statuses, 500, 503), ErrorOut)


def body(schema: dict[str, Any], *, multipart: dict[str, Any] | None = None) -> dict[str, Any]:
    """`openapi_extra` for an operation that reads its own body with the given JSON schema."""
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if multipart is not None:
        content["multipart/form-data"] = {"schema": multipart}
    return {"requestBody": {"required": True, "content": content}}
