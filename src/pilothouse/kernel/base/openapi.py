"""What every operation of the API documents alike: its errors and its request bodies."""

from functools import cache
from typing import Annotated, Any

from ninja import Schema
from ninja.operation import Operation
from ninja.params.functions import Path, Query
from pydantic import Field

from .limits import PAGE_SIZE_DEFAULT_ROWS, PAGE_SIZE_MAX_ROWS

_wrap = Operation._create_response_model


@cache
def _wrapped(model: Any) -> type[Schema] | None:
    return _wrap(None, model)  # type: ignore[arg-type]


def _wrapped_once(_operation: Operation, response_param: Any) -> type[Schema] | None:
    return _wrapped(response_param)


# ninja makes a wrapper for each status of each operation: 560 classes for some sixty models, half of the time in which
# a web process loads its addresses. Those of one model are the same, so each is made once.
Operation._create_response_model = _wrapped_once  # type: ignore[assignment, method-assign]

Ok = Annotated[bool, Field(description="True: it was done. An error carries false.")]
Next = Annotated[str | None, Field(description="The `cursor` of the following page; null on the last one.")]
DIGITS_PATTERN = "^[0-9]{1,18}$"
CURSOR_PATTERN = "^[A-Za-z0-9_-]{1,300}$"


def limit_query() -> Any:
    """The query parameter `limit` of a paged list."""
    words = f"Rows of one page; {PAGE_SIZE_DEFAULT_ROWS} when not given."
    return Query(None, ge=1, le=PAGE_SIZE_MAX_ROWS, description=words)


def cursor_query(pattern: str = CURSOR_PATTERN) -> Any:
    """The query parameter `cursor` of a paged list."""
    return Query(None, pattern=pattern, description="The `next` of an earlier page; its following rows are answered.")


def id_path(what: str) -> Any:
    """The id of one thing, in the path."""
    return Path(..., description=f"The id of {what}.")


class ErrorBody(Schema):
    """What went wrong: a stable code for machines, one sentence for people, the values, and the request's id."""

    code: str = Field(description="Stable: programs may branch on it.")
    message: str = Field(description="One sentence for a person. Its words may change.")
    details: dict[str, Any] = Field(description="The values of the sentence, by name.")
    request_id: str = Field(description="Name it when you ask us; it is also the header X-Request-ID.")


class ErrorOut(Schema):
    """The one shape of an error."""

    ok: bool = Field(description="Always false.")
    error: ErrorBody = Field(description="What went wrong.")


def errors(*statuses: int) -> dict[int, type[ErrorOut]]:
    """The response map of these error statuses; 500 and 503 can always happen and are always documented."""
    return dict.fromkeys((400, *statuses, 500, 503), ErrorOut)


def body(schema: dict[str, Any], *, multipart: dict[str, Any] | None = None) -> dict[str, Any]:
    """`openapi_extra` for an operation that reads its own body with the given JSON schema."""
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if multipart is not None:
        content["multipart/form-data"] = {"schema": multipart}
    return {"requestBody": {"required": True, "content": content}}
