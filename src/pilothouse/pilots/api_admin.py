"""Pilots for an operator's program, with the operator's own session: the same steps as the desk's page.

It stands outside the document that customers read.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from pilothouse.kernel.access.api_auth import operator_session
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.json_api import answer, json_body
from pilothouse.kernel.base.scope import ops_scope

from . import pilot_forms
from .activation import activate, renew_key_link
from .attestations import attest_ours
from .limits import OPEN_PILOTS_MAX_ROWS
from .pages_pilot import FORMS, PLAIN
from .pilot_json import as_json, summary
from .pilot_models import Pilot
from .pilot_reads import access_pilot
from .runbook import pinned
from .running import qualify
from .verdicts import computed

router = Router(tags=["admin"], auth=operator_session)


@router.get("/pilots", include_in_schema=False)
def get_pilots(request: HttpRequest, state: str = "") -> HttpResponse:
    """The newest pilots, or those in a state."""
    with ops_scope(_who(request).actor, "pilots"):
        found = Pilot.objects.order_by("-id")
        rows = list((found.filter(state=state) if state else found)[:OPEN_PILOTS_MAX_ROWS])
    return answer({"ok": True, "pilots": [summary(each) for each in rows]})


@router.get("/pilots/{public_id}", include_in_schema=False)
def get_pilot(request: HttpRequest, public_id: str) -> HttpResponse:
    """One pilot: phases, lines with what ticked them, criteria, metrics, and the verdict as it would be now."""
    with ops_scope(_who(request).actor, "pilot"):
        told = as_json(*computed(access_pilot(public_id)))
    return answer({"ok": True, **told})


@router.post("/pilots/{public_id}/{step}", include_in_schema=False)
def post_step(request: HttpRequest, public_id: str, step: str) -> HttpResponse:
    """Take a step of the desk: the same names, fields and refusals. Answers the pilot as it stands then.

    `qualify` takes the form's fields and each line as line_ID: yes or no; `tick` takes line, answer, evidence and
    why_not; `activate` takes confirm_small.
    """
    operator = _who(request)
    given = json_body(request) if request.body else {}
    with ops_scope(operator.actor, f"pilot {step}"):
        access_pilot(public_id)
        _take(operator, public_id, step, given)
        told = summary(access_pilot(public_id))
    return answer({"ok": True, **told})


def _take(operator: OperatorPrincipal, public_id: str, step: str, given: Mapping[str, Any]) -> None:
    if step in PLAIN:
        PLAIN[step][0](public_id)
    elif step in FORMS:
        form_class, take, _ = FORMS[step]
        take(public_id, _cleaned(form_class(given)))
    elif step == "activate":
        small = given.get("confirm_small") is True
        activate(public_id, operator.user, confirm_small=small, sender=operator.email)
    elif step == "renew-link":
        renew_key_link(public_id, sender=operator.email)
    elif step == "qualify":
        form = pilot_forms.QualifyForm(pinned(access_pilot(public_id).runbook_hash), given)
        told = _cleaned(form)
        qualify(public_id, form.answers(), told, note=told["note"])
    elif step == "tick":
        told = _cleaned(pilot_forms.TickForm(given))
        attest_ours(
            public_id, str(given.get("line", "")), given.get("answer", "yes") == "yes", note=told["why_not"],
            evidence=told["evidence"], applicable=not told["why_not"],
        )  # fmt: skip
    else:
        raise NotFound(what="step")


def _cleaned(form: Any) -> dict[str, Any]:
    """What a form of the desk makes of the values. Raises InvalidInput for the first field that is wrong."""
    if not form.is_valid():
        name, wrong = next(iter(form.errors.items()))
        raise InvalidInput(reason=f"{name}: {wrong[0]}")
    cleaned: dict[str, Any] = form.cleaned_data
    return cleaned


def _who(request: HttpRequest) -> OperatorPrincipal:
    operator: OperatorPrincipal = request.auth  # type: ignore[attr-defined]
    return operator
