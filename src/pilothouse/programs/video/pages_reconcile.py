"""The reconcile page: drop in a webhook's body and see each field against the ledger, the batch and its terms."""

import base64
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.queries import LABELS, batch_entries

from . import views
from .addresses import batch_url
from .confirmations import FIELDS
from .limits import RECEIPT_MAX_BYTES
from .pages_confirmations import ROLES
from .receipt import HEADERS_MAX_CHARACTERS, ReceiptUnreadable, Verdict, judge


class ReceiptForm(forms.Form):
    """The body, pasted or as a file, and its headers where the signature is to be checked."""

    body = forms.CharField(
        label=gettext_lazy("Body of the webhook"),
        error_messages={"required": gettext_lazy("Paste the body of a webhook, or choose its file.")},
        strip=False,
        max_length=RECEIPT_MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "mono", "data-takes-file": ""}),
        help_text=gettext_lazy("Exactly as your endpoint stored it. You may also drop the file here."),
    )
    file = forms.FileField(
        label=gettext_lazy("Or its file"), required=False, help_text=gettext_lazy("A file keeps every byte.")
    )
    headers = forms.CharField(
        label=gettext_lazy("Its headers"),
        required=False,
        max_length=HEADERS_MAX_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text=gettext_lazy(
            "webhook-id, webhook-timestamp and webhook-signature, one a line, to check the signature."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["body"].required = "file" not in self.files

    def raw(self) -> bytes:
        """The bytes of the file, or of the text without what a browser adds to it."""
        part = self.cleaned_data.get("file")
        if isinstance(part, UploadedFile):
            part.seek(0)
            return bytes(part.read(RECEIPT_MAX_BYTES + 1))
        return str(self.cleaned_data.get("body") or "").strip().replace("\r\n", "\n").encode()


@require_http_methods(["GET", "POST"])
@member_page
def reconcile(request: HttpRequest, principal: Principal) -> HttpResponse:
    """GET shows the form; POST judges what was dropped in."""
    require(principal, "ledger:read")
    given = request.POST or kept_form(request, principal)
    form = ReceiptForm(given or None, request.FILES or None)
    context: dict[str, Any] = {"form": form, "verdict": None}
    if request.method == "POST" and form.is_valid():
        verdict, problem = _judge(principal, form)
        if verdict is None:
            form.add_error("body", problem)
        else:
            context |= _shown(request, principal, verdict, form.raw())
    if given:
        echo(request, given.get("body", ""), given.get("headers", ""))
    return render(request, "video/reconcile.html", context)


def _judge(principal: Principal, form: ReceiptForm) -> tuple[Verdict | None, str]:
    raw = form.raw()
    try:
        with tenant_scope(principal.tenant, principal.actor):
            return judge(raw, form.cleaned_data["headers"]), ""
    except ReceiptUnreadable as refused:
        return None, str(refused)
    except NotFound:
        return None, _("There is no batch with this id in your account. If you work in several accounts, switch first.")


def _shown(request: HttpRequest, principal: Principal, verdict: Verdict, raw: bytes) -> dict[str, Any]:
    batch = verdict.batch
    with tenant_scope(principal.tenant, principal.actor):
        entries = batch_entries(principal.tenant, batch.public_id)
    echo(request, batch.request_id, *(line.given for line in verdict.lines), *(line.field for line in verdict.lines))
    wrong = sum(not line.same for line in verdict.lines)
    return {
        "verdict": verdict,
        "wrong": wrong,
        "batch": views.batch(batch.__dict__, {}),
        "batch_url": batch_url(batch.public_id),
        "entries": [
            {"label": LABELS[kind], "amount": amount, "count": count}
            for kind, amount, count in (
                ("reserve", entries.reserved, entries.reserves),
                ("settle", entries.settled, entries.settles),
                ("refund", entries.refunded, entries.refunds),
            )
        ],
        "equation": entries,
        "to_confirm": _to_confirm(principal, verdict),
        # The exact bytes go back with the confirmation, which judges them again; a form would change their line ends.
        "raw": base64.b64encode(raw).decode(),
        "key": new_id("form"),
    }


def _to_confirm(principal: Principal, verdict: Verdict) -> list[Any]:
    """The eight lines that a person of this role confirms; none before the batch has ended."""
    if verdict.batch.completed_at is None or principal.role not in ROLES:
        return []
    lines = {line.field: line for line in verdict.lines}
    return [lines[name] for name in FIELDS]
