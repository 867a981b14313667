"""Versions of terms over HTTP, for operators with their own sessions: the commands of the desk and of the shell.

It stands outside the document that the two sides read.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from pilothouse.kernel.access.api_auth import operator_session
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import answer, json_body, only, text_field
from pilothouse.kernel.base.scope import ops_scope
from pilothouse.kernel.terms.commands import retire
from pilothouse.kernel.terms.queries import Version

from . import limits
from .api_views import dated
from .desk_reads import terms_with_deals
from .publishing import changed, draft_version, next_version, publish_draft
from .terms import stored, version_name
from .terms_checks import KIND

router = Router(tags=["admin"], auth=operator_session)


@router.get("/deal-terms", include_in_schema=False)
def get_versions(request: HttpRequest) -> HttpResponse:
    """Every version, newest first, with its body and the deals that were made with it."""
    with _scope(request, "terms"):
        rows = terms_with_deals()
    names = (
        "name", "version", "state", "body", "hash", "note", "created_by", "created_at", "published_by",
        "published_at", "retired_at", "deals", "open",
    )  # fmt: skip
    shown = [
        {"terms": version_name(row["name"], row["version"]), **dated({name: row[name] for name in names})}
        for row in rows
    ]
    return answer({"ok": True, "terms": shown})


@router.post("/deal-terms", include_in_schema=False)
def post_version(request: HttpRequest) -> HttpResponse:
    """{terms, note?} or {name, version, changes, note?}: a draft of this body, or of a copy with changed values (201).

    `changes` maps paths such as `offsetCapsByReasonCode.COSMETIC_DAMAGE` to their new values. Each check of publishing
    refuses by its own code; nothing is stored then.
    """
    given = json_body(request)
    only(given, "terms", "name", "version", "changes", "note")
    note = text_field(given, "note", maximum=limits.NOTE_MAX_CHARACTERS) or ""
    body, changes = given.get("terms"), given.get("changes")
    if (body is None) == (changes is None) or not isinstance(changes if body is None else body, dict):
        raise InvalidInput(reason="Give terms, an object, or name, version and changes, an object by path.")
    with _scope(request, "draft terms"):
        if body is None:
            assert changes is not None
            name = text_field(given, "name", maximum=limits.NAME_MAX_CHARACTERS, required=True) or ""
            base = stored(name, _number(given.get("version")))
            body = changed(base["body"], next_version(name), list(changes.items()))
        made = draft_version(body, note)
    return answer(_told(made), 201)


@router.post("/deal-terms/{name}/{version}/publish", include_in_schema=False)
def post_publish(request: HttpRequest, name: str, version: int) -> HttpResponse:
    """Put a draft in force for new deals; open deals keep the version they were made with."""
    with _scope(request, f"publish {version_name(name[: limits.NAME_MAX_CHARACTERS], version)}"):
        made = publish_draft(name, version)
    return answer(_told(made))


@router.post("/deal-terms/{name}/retire", include_in_schema=False)
def post_retire(request: HttpRequest, name: str) -> HttpResponse:
    """Take the version in force out of it; no new deal of this country and category can be made."""
    with _scope(request, f"retire {name[: limits.NAME_MAX_CHARACTERS]}"):
        retire(KIND, name)
    return answer({"ok": True, "name": name, "state": "retired"})


def _scope(request: HttpRequest, what: str) -> Any:
    operator: OperatorPrincipal = request.auth  # type: ignore[attr-defined]
    return ops_scope(operator.actor, what)


def _number(value: Any) -> int:
    if type(value) is not int or not 0 < value < 10**9:
        raise InvalidInput(reason="version is the number of a version.")
    return value


def _told(made: Version) -> dict[str, Any]:
    terms = version_name(made.name, made.version)
    return {"ok": True, "terms": terms, "state": made.state, "hash": made.hash, "body": made.body}
