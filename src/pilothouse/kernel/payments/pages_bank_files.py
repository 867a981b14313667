"""The files for the bank at the desk: make one of what is due, see which still hold unsent payouts, download one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import DESK_WRITERS, DeskList, act, looking, may_act
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal

from . import bank_files
from .models import BankFile


@require_GET
@operator_page()
def file_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Files with payouts that nobody has written as sent, the oldest first."""
    asked = DeskList.of(request, "payments:bank_files")
    with looking(request, operator):
        found, frame = asked.shown(bank_files.open_files(DESK_PAGE_ROWS + 1, skip=asked.skip, search=asked.words))
        can_file = bank_files.can_file()
    context = {**frame, "files": found, "can_file": can_file, "may_act": may_act(operator)}
    return render(request, "payments/bank_files.html", context)


@require_POST
@operator_page(*DESK_WRITERS)
def make(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Put what is due into a new file; pressed twice, the second press finds nothing left."""

    def said(made: BankFile) -> str:
        return ngettext(
            "%(file)s holds %(n)s payout. Download it below, and give it to the bank once.",
            "%(file)s holds %(n)s payouts. Download it below, and give it to the bank once.",
            made.payouts,
        ) % {"file": made.public_id, "n": made.payouts}

    return act(request, operator, bank_files.bank_file, done=said, back=reverse("payments:payouts"))


@require_GET
@operator_page(*DESK_WRITERS)
def download(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """A file as CSV, the same bytes each time; who fetched it is a row of `ops_access`."""
    with looking(request, operator):
        text = bank_files.bank_file_text(public_id)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="payouts-{public_id}.csv"'
    return response
