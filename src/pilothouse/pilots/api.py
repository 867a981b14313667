"""The account's own pilots over HTTP. What is said in them is said by people, on their page; a program reads."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from pilothouse.kernel.access.api_auth import caller
from pilothouse.kernel.base.cursors import open_cursor, seal_cursor
from pilothouse.kernel.base.json_api import answer, page_size
from pilothouse.kernel.base.openapi import cursor_query, errors, id_path, limit_query
from pilothouse.kernel.base.scope import tenant_scope

from .api_schemas import PilotLineOut, PilotOut, PilotRow, PilotsOut
from .evaluation import look
from .pilot_json import as_json, summary
from .pilot_models import Pilot
from .pilot_reads import access_pilot

router = Router(tags=["pilots"])
SCOPE = "batches:read"


@router.get("/pilots", response={200: PilotsOut, **errors(401, 403, 422, 429)}, summary="List your pilots")
def get_pilots(request: HttpRequest, limit: int = limit_query(), cursor: str = cursor_query()) -> HttpResponse:
    """The account's pilots, newest first."""
    principal = caller(request, SCOPE)
    count = page_size(limit)
    with tenant_scope(principal.tenant, principal.actor):
        before = open_cursor("pilots", principal.tenant, cursor)
        found = Pilot.objects.filter(tenant_id=principal.tenant).order_by("-id")
        rows = list((found.filter(id__lt=before) if before else found)[: count + 1])
    following = seal_cursor("pilots", principal.tenant, rows[count - 1].id) if len(rows) > count else None
    return answer({"ok": True, "pilots": [_row(summary(each)) for each in rows[:count]], "next": following})


@router.get(
    "/pilots/{pilot_id}", response={200: PilotOut, **errors(401, 403, 404, 422, 429)}, summary="Look at a pilot"
)
def get_pilot(request: HttpRequest, pilot_id: str = id_path("the pilot")) -> HttpResponse:
    """One pilot with the lines that concern you and the criteria as your page shows them: as they stand now, and when
    the verdict is signed, as they stood then."""
    principal = caller(request, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        told = as_json(look(access_pilot(pilot_id), "customer"))
    return answer(
        {
            "ok": True,
            **_row(told),
            "runbook_version": told["runbook"]["version"],
            "runbook_sha256": told["runbook"]["sha256"],
            "phases": [
                {
                    **{name: phase[name] for name in ("id", "title", "days", "is_current")},
                    "lines": [_line(line) for line in phase["lines"]],
                }
                for phase in told["phases"]
                if phase["lines"]
            ],
            "criteria": [
                {
                    name: each[name]
                    for name in ("id", "title", "verdict", "value", "of", "target", "fail_at", "sentence")
                }
                for each in told["criteria"]
            ],
        }
    )


def _row(told: dict[str, Any]) -> dict[str, Any]:
    return {"pilot_id": told["pilot"], **{name: told[name] for name in PilotRow.model_fields if name != "pilot_id"}}


def _line(told: dict[str, Any]) -> dict[str, Any]:
    shown = {name: told[name] for name in PilotLineOut.model_fields}
    # Who of us it was is ours to know.
    return {**shown, "by": "us"} if shown["by"].startswith("operator:") else shown
