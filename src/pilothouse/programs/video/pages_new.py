"""The page of a new batch. It ends in the same command as the API; the typed request_id is its idempotency key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.files.commands import StoredObject, discarded_on_error, put_object
from pilothouse.kernel.files.content import IMAGES
from pilothouse.kernel.ledger.models import CREDIT, TEST
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.watch.queries import closed_gates
from pilothouse.ui.templatetags.posted_form import ACCOUNT_FIELD

from . import intake, limits, views
from .addresses import batch_url
from .commands import PROGRAM_NAME, batch_size_limits, create_batch
from .errors import PriceChanged
from .models import Batch
from .new_batch import NAME_MAX_CHARACTERS, BatchForm, ItemForm, PasteRefused, Typed, ranges
from .prices import price_in_force
from .uploads import record_inputs

DRAFT_SESSION_KEY = "new_batch_draft"
FIRST_ROWS_MAX_COUNT = 10
# The field beside which a refusal of the command is said; every other one is said above the button.
FIELDS = {"request_id_conflict": "request_id", "webhook_url_refused": "webhook_url"}


@require_http_methods(["GET", "POST"])
def new_batch(request: HttpRequest) -> HttpResponse:
    """The form, its review with the cost, and the creation. What a signed-out person sent is there after sign-in."""
    if request.method == "POST" and not request.user.is_authenticated:
        _keep_draft(request)
    return _new_batch(request)


@member_page
def _new_batch(request: HttpRequest, principal: Principal) -> HttpResponse:
    require(principal, "batches:write")
    if request.method == "GET":
        return _show(request, principal, _begin(request, principal))
    typed = Typed.of(request.POST)
    act = request.POST.get("do", "review")
    _take_images(request, principal, typed)
    if act == "create":
        return _create(request, principal, typed)
    if act == "review":
        return _show(request, principal, typed, judged=True)
    try:
        typed.change(act)
    except PasteRefused as refused:
        return _show(request, principal, typed, paste_error=str(refused))
    return _show(request, principal, typed)


def _begin(request: HttpRequest, principal: Principal) -> Typed:
    draft = request.session.pop(DRAFT_SESSION_KEY, None)
    # A browser may be shared: what was typed for one account is never shown in another.
    if draft is not None and draft["account"] == principal.tenant_public_id:
        messages.info(request, _("You were signed out. What you typed is here again; nothing had been created."))
        return Typed(draft["head"], draft["rows"], draft["paste"])
    with tenant_scope(principal.tenant, principal.actor):
        minimum, maximum = batch_size_limits(principal.tenant)
    return Typed.blank(min(minimum, maximum, FIRST_ROWS_MAX_COUNT))


def _keep_draft(request: HttpRequest) -> None:
    typed = Typed.of(request.POST)
    if sum(len(text) for text in typed.echoes()) <= limits.DRAFT_MAX_BYTES:
        account = request.POST.get(ACCOUNT_FIELD, "")[:NAME_MAX_CHARACTERS]
        request.session[DRAFT_SESSION_KEY] = {
            "account": account, "head": typed.head, "rows": typed.rows, "paste": typed.paste,
        }  # fmt: skip


def _take_images(request: HttpRequest, principal: Principal, typed: Typed) -> None:
    """Store the sent images at once, so that a form which comes back with an error still has them.

    1. Each file is judged and written before a database connection is taken. 2. One scope makes their rows.
    """
    stored: list[StoredObject] = []
    with discarded_on_error(stored):
        for place, name, part in _sent_files(request, len(typed.rows)):
            try:
                stored.append(put_object(principal.tenant, part.chunks(), IMAGES, clean=True))
            except PilothouseError as refused:
                typed.refused_images[place] = str(refused)
                continue
            kept = {f"{name}image": stored[-1].public_id, f"{name}image_name": (part.name or "")[:NAME_MAX_CHARACTERS]}
            (typed.head if place < 0 else typed.rows[place]).update(kept)
        if stored:
            with tenant_scope(principal.tenant, principal.actor):
                record_inputs(stored)


def _sent_files(request: HttpRequest, count: int) -> Iterable[tuple[int, str, UploadedFile[bytes]]]:
    wanted = [(-1, "shared_", "shared_upload"), *((n, "", f"item-{n}-upload") for n in range(count))]
    for place, name, key in wanted:
        part = request.FILES.get(key)
        if isinstance(part, UploadedFile):
            yield place, name, part


def _create(request: HttpRequest, principal: Principal, typed: Typed) -> HttpResponse:
    """Create what the review showed. A price that changed since, or any error, shows the form or the review again."""
    head, rows = typed.forms(judged=True)
    if typed.refused_images or not all([head.is_valid(), *(row.is_valid() for row in rows)]):
        return _show(request, principal, typed, judged=True)
    test = typed.head["mode"] == "test"
    try:
        with tenant_scope(principal.tenant, principal.actor):
            known = Batch.objects.filter(request_id=typed.head["request_id"]).exists()
            # A click that comes a second time gets the first batch, whatever has become of the price since.
            if not known and typed.head["terms"] != price_in_force().hash:
                raise PriceChanged()
            created = create_batch(
                intake.request_id(typed.head["request_id"]),
                intake.items(typed.body()),
                webhook_url=typed.head["webhook_url"] or None,
                entry="page",
                mode="test" if test else "live",
            )
    except PilothouseError as refused:
        return _show(request, principal, typed, judged=True, refused=refused)
    count = len(typed.rows)
    if created.replayed:
        messages.info(request, _("This batch had been accepted before. Nothing was created or reserved twice."))
    else:
        text = ngettext("Accepted: %(n)s video.", "Accepted: %(n)s videos.", count) % {"n": count}
        messages.success(request, text)
    return HttpResponseRedirect(batch_url(created.batch_id))


def _show(
    request: HttpRequest,
    principal: Principal,
    typed: Typed,
    *,
    judged: bool = False,
    paste_error: str = "",
    refused: PilothouseError | None = None,
) -> HttpResponse:
    # The review is shown again with the new price: to be asked once more is all that has to happen.
    price_changed = isinstance(refused, PriceChanged)
    with tenant_scope(principal.tenant, principal.actor):
        cost = _cost(principal, typed)
        gate = next(iter(closed_gates(PROGRAM_NAME, principal.tenant)), None)
        head, rows = typed.forms(judged=judged)
        problems = _judge(typed, head, rows, cost, None if price_changed else refused) if judged else []
    echo(request, *typed.echoes())
    good = judged and not problems and gate is None
    context = {
        "step": "review" if good else "edit",
        "form": head,
        "rows": [
            {"form": form, "n": n, "number": n + 1, "refused": typed.refused_images.get(n, ""), "typed": typed.rows[n]}
            for n, form in enumerate(rows)
        ],
        "typed": typed,
        "hidden": _hidden(typed, cost),
        "shared_refused": typed.refused_images.get(-1, ""),
        "problems": problems,
        "price_changed": price_changed,
        "paste_error": paste_error,
        "cost": cost,
        "form_most": limits.FORM_ITEMS_MAX_COUNT,
        "shapes": _shapes(typed),
        "gate": views.gate(gate),
        "batches_url": reverse("video:batches"),
    }
    return render(request, "video/batch_new.html", context)


def _cost(principal: Principal, typed: Typed) -> dict[str, Any]:
    """What the rows cost now and what the wallet holds after."""
    price, count = price_in_force(), len(typed.rows)
    minimum, maximum = batch_size_limits(principal.tenant)
    each, available = int(price.body["cost_per_video"]), balance(principal.tenant).available
    test = typed.head.get("mode") == "test"
    return {
        "count": count,
        "each": each,
        "total": count * each,
        "unit": TEST if test else CREDIT,
        "test": test,
        "available": available,
        "after": available - (0 if test else count * each),
        "terms": price.hash,
        "minimum": minimum,
        "maximum": maximum,
    }


def _judge(
    typed: Typed,
    head: BatchForm,
    rows: list[ItemForm],
    cost: dict[str, Any],
    refused: PilothouseError | None,
) -> list[str]:
    """Put each error beside its field; the sentences that belong to none are returned."""
    problems = []
    if head.is_valid():
        known = Batch.objects.filter(request_id=typed.head["request_id"]).values_list("public_id", flat=True).first()
        if known and (refused is None or refused.code != "request_id_conflict"):
            head.add_error(
                "request_id",
                _("This id belongs to batch %(batch)s. Take another one for a new batch.") % {"batch": known},
            )
    if refused is not None and refused.code in FIELDS:
        head.add_error(FIELDS[refused.code], str(refused))
    elif refused is not None and refused.code == "image_not_found":
        rows[refused.details["index"]].add_error("upload", _("This image is not in your account. Choose it again."))
    elif refused is not None:
        problems.append(str(refused))
    bad = [n + 1 for n, row in enumerate(rows) if not row.is_valid() or n in typed.refused_images]
    if bad:
        text = ngettext("Look at video %(where)s.", "Look at the videos %(where)s.", len(bad)) % {"where": ranges(bad)}
        problems.append(text)
    if head.errors or -1 in typed.refused_images:
        problems.append(_("Look at the fields of the whole batch."))
    if not cost["minimum"] <= cost["count"] <= cost["maximum"]:
        problems.append(
            _("A batch of this account has %(fewest)s to %(most)s videos; this one has %(given)s.")
            % {"fewest": cost["minimum"], "most": cost["maximum"], "given": cost["count"]}
        )
    if cost["after"] < 0 and (refused is None or refused.code != "insufficient_credits"):
        problems.append(
            _("This needs %(needed)s credits and the wallet holds %(available)s. Remove videos, or have credits added.")
            % {"needed": cost["total"], "available": cost["available"]}
        )
    return problems


def _hidden(typed: Typed, cost: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything typed as fields of the review, which shows it and lets nothing be changed."""
    head = {**typed.head, "terms": cost["terms"], "rows": str(len(typed.rows))}
    rows = {f"item-{n}-{key}": value for n, row in enumerate(typed.rows) for key, value in row.items()}
    return [*head.items(), *rows.items()]


def _shapes(typed: Typed) -> list[dict[str, Any]]:
    """How many videos of each shape and length."""
    counts: dict[tuple[str, str], int] = {}
    for row in typed.rows:
        key = (row["aspect"], row["seconds"])
        counts[key] = counts.get(key, 0) + 1
    return [{"aspect": aspect, "seconds": seconds, "count": n} for (aspect, seconds), n in counts.items()]
