"""The platform's switches at the desk: what is in force for every account, who set it and why, and setting one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.access.commands import set_flag
from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    commanding,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import PilothouseError

from . import desk_queries
from .forms import FlagForm


@require_http_methods(["GET", "POST"])
@operator_page()
def flag_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """All settings, newest first; a POST sets a switch for every account that has no setting of its own."""
    if request.method == "POST" and not may_act(operator):
        needed = " or ".join(DESK_WRITERS)
        return render(request, "ui/errors/403.html", {"reason": f"This needs the role {needed}."}, status=403)
    form = FlagForm(request.POST or kept_form(request, operator))
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with commanding(request, operator):
                set_flag(given["name"], given["value"], given["reason"])
        except PilothouseError as refused:
            status = refused_in(form, refused)
        else:
            messages.success(request, _("The flag %(name)s is set for every account.") % {"name": given["name"]})
            return HttpResponseRedirect(reverse("desk:flags"))
    elif request.method == "POST":
        status = 422
    asked = DeskList.of(request, "desk:flags")
    with looking(request, operator):
        rows = desk_queries.platform_flags(asked.words, count=DESK_PAGE_ROWS + 1, skip=asked.skip)
    shown, frame = asked.shown(rows)
    context = {**frame, "flags": shown, "form": form, "may_act": may_act(operator)}
    return render(request, "watch/flags.html", context, status=status)
