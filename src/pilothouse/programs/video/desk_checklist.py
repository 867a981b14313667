"""The internal checklist at the operator desk: the newest run line by line, for how long it holds, and those before."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import looking
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.watch.checklists import ChecklistResult, checklist_runs

from .checklist import LINES, NAME
from .limits import CHECKLIST_WITHIN_S


@require_GET
@operator_page()
def checklist(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """The runs of the internal checklist; the page moves while one is under way."""
    with looking(request, operator):
        runs = checklist_runs(NAME)
    context = {
        "newest": runs[0] if runs else None,
        "lines": _lines(runs[0]) if runs else [],
        "holds": next((run for run in runs if run.valid), None),
        "runs": runs,
        "count": len(LINES),
        "minutes": CHECKLIST_WITHIN_S // 60,
    }
    part = "video/_desk_checklist.html" if request.GET.get("part") else "video/desk_checklist.html"
    return render(request, part, context)


def _lines(run: ChecklistResult) -> list[dict[str, Any]]:
    """All lines in their order: ended with its record, the one under way, or waiting."""
    ended = {line.name: line for line in run.lines}
    shown: list[dict[str, Any]] = []
    for name in run.expects:
        line = ended.get(name)
        if line:
            state = "passed" if line.ok else "failed"
        else:
            state = "running" if run.state == "running" and len(shown) == len(ended) else "waiting"
        shown.append({"name": name, "claim": LINES.get(name, name), "state": state, "line": line})
    return shown
